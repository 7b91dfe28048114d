import { describeFloods } from './floods.ts'

describeFloods('shared')
