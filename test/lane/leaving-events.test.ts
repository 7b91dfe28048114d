import { describeStates } from './states.ts'

describeStates('events')
