export { TurnoutError, type ErrorCode, type Problem } from './core/errors.ts'
