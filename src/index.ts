export { type Config, type ServiceDefinition, defineConfig } from './config/define.ts'
export { type ErrorCode, type Problem, TurnoutError } from './core/errors.ts'
export type { LogFields, LogLevel, Logger } from './core/logger.ts'
