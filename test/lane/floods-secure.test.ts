import { describeFloods } from './floods.ts'

describeFloods('secure')
