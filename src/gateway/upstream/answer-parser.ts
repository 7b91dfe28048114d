import { isBodyless } from '../../core/http/bodyless.ts'
import { Buffer } from 'node:buffer'
import type { Fields } from '../../core/http/field-lines.ts'
import { AnswerHead, isBad, needsMore } from './answer-head.ts'
import { ChunkScanner } from './chunks.ts'
import { listTokens } from './fields.ts'
import { PlainHead } from './plain-head.ts'
import { lend, mostUnlent } from './slabs.ts'

const mostInformational = 10
const noBytes: Buffer = Buffer.alloc(0)

/** What is read of an answer. `onEnd`, `onUpgrade` and `onInvalid` are the last call. */
export interface AnswerSink {
  onInformational(status: number, headers: readonly string[]): void
  onHead(status: number, fields: Fields, length: number | null, whole: Buffer | string | null): void
  onData(bytes: Buffer): void
  /** `isReusable`: nothing speaks against another request on the connection. */
  onEnd(isReusable: boolean): void
  onUpgrade(headers: string[], first: Buffer): void
  onInvalid(reason: string): void
}

/** What a head has come to. */
interface ReadHead {
  readonly status: number
  readonly fields: Fields
  readonly length: number | null
  readonly isChunked: boolean
  /** All of a short body as text of one byte a character, where it is known already; else empty. */
  readonly body: string
  /** Nothing follows behind this answer. */
  readonly isLast: boolean
}

type Place = 'nothing' | 'head' | 'length' | 'chunks' | 'trailer' | 'until-close'

/** The bytes are in a buffer that the next read fills again. */
const copyOf = (bytes: Buffer, from: number, end: number): Buffer => {
  const copy = lend(end - from)
  bytes.copy(copy, 0, from, end)
  return copy
}

/**
 * Reads the answers of one connection, strictly: what has two readings is none (RFC 9112). One answer after each
 * `expect`; bytes that nobody expects are the caller's to judge.
 *
 *   expect -> head -> (1xx: head again, at most 10) -> length | chunks -> trailer | until-close -> nothing
 */
export class AnswerParser {
  readonly #sink: AnswerSink
  readonly #head = new AnswerHead()
  readonly #plain = new PlainHead()
  /** The one of the two that has read the head of the final answer. */
  #read: ReadHead = this.#head
  readonly #chunks = new ChunkScanner()
  #place: Place = 'nothing'
  #isHeadRequest = false
  #upgrade: string | null = null
  #informational = 0
  #remaining = 0
  /** A byte of the answer has come. */
  hasBytes = false

  constructor(sink: AnswerSink) {
    this.#sink = sink
  }

  /** A request was sent. `upgrade`: the tokens it asks for. */
  expect(method: string, upgrade: string | null): void {
    this.#place = 'head'
    this.#isHeadRequest = method === 'HEAD'
    this.#upgrade = upgrade
    this.#informational = 0
    this.hasBytes = false
    this.#head.start()
  }

  /** Nothing more is told. */
  stop(): void {
    this.#place = 'nothing'
  }

  get isInBody(): boolean {
    return this.#place !== 'nothing' && this.#place !== 'head'
  }

  /** Reads `bytes` up to `end`. Nothing of `bytes` is kept. */
  feed(bytes: Buffer, end: number): void {
    if (end === 0) return
    this.hasBytes = true
    let at = 0
    while (this.#place === 'head') {
      if (this.#head.isUntouched) {
        const plain = this.#plain.read(bytes, at, end, mostUnlent)
        if (plain >= 0) return this.#begin(this.#plain, bytes, plain, end)
      }
      at = this.#head.read(bytes, at, end)
      if (at === needsMore) return
      if (at === isBad) return this.#refuse(this.#head.reason)
      if (this.#head.status >= 200) return this.#begin(this.#head, bytes, at, end)
      if (this.#head.status === 101) return this.#switch(bytes, at, end)
      if (!this.#inform()) return
    }
    if (this.#place === 'length') this.#sized(bytes, at, end)
    else if (this.#place === 'until-close') this.#sink.onData(copyOf(bytes, at, end))
    else if (this.#place === 'chunks' || this.#place === 'trailer') this.#chunked(bytes, at, end)
  }

  /** The connection has ended in order. False: the answer had not. */
  finish(): boolean {
    if (this.#place !== 'until-close') return false
    this.#end(false)
    return true
  }

  #refuse(reason: string): void {
    this.#place = 'nothing'
    this.#sink.onInvalid(reason)
  }

  #end(isReusable: boolean): void {
    this.#place = 'nothing'
    this.#sink.onEnd(isReusable && !this.#read.isLast)
  }

  #inform(): boolean {
    const { status, headers } = this.#head
    if (this.#head.isLast) {
      this.#refuse('it is informational, and the last of its connection')
      return false
    }
    this.#informational += 1
    if (this.#informational > mostInformational) {
      this.#refuse(`it has more than ${mostInformational} informational answers`)
      return false
    }
    this.#head.start()
    if (status !== 100) this.#sink.onInformational(status, headers)
    return true
  }

  #switch(bytes: Buffer, at: number, end: number): void {
    const { connection, headers, isChunked, isOld, length, upgrade } = this.#head
    const asked = listTokens(this.#upgrade ?? '')
    const isAgreed =
      !isOld &&
      !isChunked &&
      length === null &&
      (connection ?? []).includes('upgrade') &&
      listTokens(upgrade).some((token) => asked.includes(token))
    if (!isAgreed) return this.#refuse('it switches to a protocol that was not asked for')
    this.#place = 'nothing'
    this.#sink.onUpgrade(headers, copyOf(bytes, at, end))
  }

  #begin(head: ReadHead, bytes: Buffer, at: number, end: number): void {
    this.#read = head
    const { fields, isChunked, status } = head
    const isBare = this.#isHeadRequest || isBodyless(status)
    const length = status === 204 ? 0 : head.length
    if (isBare || length === 0) {
      this.#whole(length, noBytes, at === end)
    } else if (isChunked) {
      this.#chunks.start()
      this.#place = 'chunks'
      this.#chunked(bytes, at, end, true)
    } else if (length === null) {
      this.#place = 'until-close'
      this.#sink.onHead(status, fields, null, null)
      if (at < end && this.#isReading('until-close')) this.#sink.onData(copyOf(bytes, at, end))
    } else if (end - at >= length) {
      this.#whole(length, head.body || copyOf(bytes, at, at + length), end - at === length)
    } else {
      this.#place = 'length'
      this.#remaining = length
      this.#sink.onHead(status, fields, length, null)
      if (at < end && this.#isReading('length')) this.#sized(bytes, at, end)
    }
  }

  #isReading(place: Place): boolean {
    return this.#place === place
  }

  /** All of the answer came in one piece. */
  #whole(length: number | null, body: Buffer | string, isReusable: boolean): void {
    const { fields, status } = this.#read
    this.#place = 'trailer'
    this.#sink.onHead(status, fields, length, body)
    if (this.#isReading('trailer')) this.#end(isReusable)
  }

  #sized(bytes: Buffer, at: number, end: number): void {
    const stop = Math.min(end, at + this.#remaining)
    this.#remaining -= stop - at
    this.#sink.onData(copyOf(bytes, at, stop))
    if (this.#remaining === 0 && this.#isReading('length')) this.#end(stop === end)
  }

  /** `isFirst`: the head came with it and has not been told. */
  #chunked(bytes: Buffer, from: number, end: number, isFirst = false): void {
    const { fields, status } = this.#read
    let at = from
    let data = noBytes
    if (this.#place === 'chunks' && at < end) {
      const into = lend(end - at)
      at = this.#chunks.scan(bytes, at, end, into)
      if (at < 0) return this.#refuse('its chunks are none')
      data = into.subarray(0, this.#chunks.filled)
      if (this.#chunks.isLast) {
        this.#place = 'trailer'
        if (this.#read === this.#plain) this.#head.startTrailer(this.#plain.size, this.#plain.count)
        else this.#head.startTrailer(0, 0)
      }
    }
    if (this.#place === 'trailer') {
      at = this.#head.read(bytes, at, end)
      if (at === isBad) return this.#refuse(this.#head.reason)
      if (isFirst && at !== needsMore) return this.#whole(null, data, at === end)
    }
    const place = this.#place
    if (isFirst) this.#sink.onHead(status, fields, null, null)
    if (data.length > 0 && this.#isReading(place)) this.#sink.onData(data)
    if (place === 'trailer' && at !== needsMore && this.#isReading(place)) this.#end(at === end)
  }
}
