import { test } from 'node:test'
import { killUnderLoad } from './under-load.ts'

test('20 workers are killed under load: their own exchanges are reset, nobody else sees anything', (t) =>
  killUnderLoad(t, 20))
