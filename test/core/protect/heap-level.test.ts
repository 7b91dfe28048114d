import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextHeapLevel, type HeapLevel } from '../../../src/core/protect/heap-level.ts'

const rows: readonly (readonly [readonly number[], HeapLevel])[] = [
  [[0.5], 'open'],
  [[0.849], 'open'],
  [[0.85], 'no-keep-alive'],
  [[0.919], 'no-keep-alive'],
  [[0.92], 'no-exchanges'],
  [[0.949], 'no-exchanges'],
  [[0.95], 'no-connections'],
  [[1.2], 'no-connections'],
  [[0.85, 0.81], 'no-keep-alive'],
  [[0.85, 0.799], 'open'],
  [[0.93, 0.88], 'no-exchanges'],
  [[0.93, 0.869], 'no-keep-alive'],
  [[0.93, 0.869, 0.81], 'no-keep-alive'],
  [[0.96, 0.91], 'no-connections'],
  [[0.96, 0.89], 'no-exchanges'],
  [[0.96, 0.4], 'open'],
]

for (const [used, level] of rows)
  test(`a heap that is ${used.map((share) => `${share * 100} %`).join(', then ')} full is ${level}`, () => {
    assert.equal(
      used.reduce((before, share) => nextHeapLevel(before, share), 'open' as HeapLevel),
      level,
    )
  })
