import { describeStates } from './states.ts'

describeStates('secure')
