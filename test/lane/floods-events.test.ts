import { describeFloods } from './floods.ts'

describeFloods('events')
