import { describeStates } from './states.ts'

describeStates('shared')
