import { describe, expect, it } from 'vitest'
import { checkConfig } from '../src/check.ts'
import { fromKrakend, serverLimits } from '../src/index.ts'
import { readLimits } from '../src/limits.ts'
import { checkHeaders } from '../src/request-head.ts'
import { serverProperties } from '../src/server-limits.ts'

describe('readLimits', () => {
  it('has the defaults of the documentation', () => {
    expect(readLimits({})).toEqual({
      maxBody: 1_048_576,
      maxUrl: 8192,
      maxHeaders: 100,
      maxHeaderSize: 16_384,
      headerTimeout: 10_000,
      bodyTimeout: 30_000,
      requestTimeout: 60_000,
      requireContentLength: false,
      maxRequestsPerConnection: Number.POSITIVE_INFINITY,
      maxConnections: Number.POSITIVE_INFINITY,
      maxConnectionsPerIp: Number.POSITIVE_INFINITY,
      decompressGzip: false,
      maxDecompressedBody: 1_048_576,
    })
  })

  it('takes 0 for no limit', () => {
    const limits = readLimits({ max_body: 0, max_url: '0', max_headers: 0, body_timeout: '0', request_timeout: 0 })
    expect([
      limits.maxBody,
      limits.maxUrl,
      limits.maxHeaders,
      limits.bodyTimeout,
      limits.requestTimeout,
      limits.maxDecompressedBody,
    ]).toEqual(Array(6).fill(Number.POSITIVE_INFINITY))
  })

  it('lets an endpoint inherit what it does not state', () => {
    const service = { max_body: '2K', max_url: '1K', require_content_length: true, decompress_gzip: true }
    expect(readLimits({ max_body: '10M' }, service)).toMatchObject({
      maxBody: 10_485_760,
      maxUrl: 1024,
      requireContentLength: true,
      decompressGzip: true,
      maxDecompressedBody: 10_485_760,
    })
  })
})

describe('serverLimits', () => {
  it('gives the parser room for URL and headers together, and Node timeouts that it does not swap', () => {
    expect(serverLimits()).toEqual({
      bodyLimit: 1_048_576,
      requestTimeout: 61_000,
      maxRequestsPerSocket: 0,
      http: { maxHeaderSize: 24_640, headersTimeout: 10_000, connectionsCheckingInterval: 1000 },
    })
  })

  it('takes the widest limit of service and endpoints', () => {
    const options = serverLimits({ max_body: '1K', request_timeout: '5s' }, [
      { max_body: '10M', request_timeout: '10m' },
      { max_header_size: '64K', decompress_gzip: true, max_decompressed_body: '20M' },
    ])
    expect(options).toMatchObject({
      bodyLimit: 20_971_520,
      requestTimeout: 601_000,
      http: { maxHeaderSize: 65_536 + 8192 + 64 },
    })
  })

  it('never has headersTimeout above requestTimeout', () => {
    const { requestTimeout, http } = serverLimits({ header_timeout: '60s', request_timeout: '2s' })
    expect(http.headersTimeout).toBeLessThanOrEqual(requestTimeout)
    expect(http).toMatchObject({ headersTimeout: 2000, connectionsCheckingInterval: 500 })
  })

  it('writes no limit as Node and Fastify do', () => {
    const config = { max_body: 0, header_timeout: 0, request_timeout: 0, max_requests_per_connection: 7 }
    expect(serverLimits(config)).toMatchObject({
      bodyLimit: Number.MAX_SAFE_INTEGER,
      requestTimeout: 0,
      maxRequestsPerSocket: 7,
      http: { headersTimeout: 0, connectionsCheckingInterval: 1000 },
    })
    expect(serverProperties(readLimits({ max_connections: 9 }))).toMatchObject({
      maxConnections: 9,
      maxHeadersCount: 0,
    })
    expect(serverProperties(readLimits({}))).not.toHaveProperty('maxConnections')
  })
})

describe('checkHeaders', () => {
  const limits = readLimits({ max_headers: 3, max_header_size: 60 })
  it.each([
    [[], undefined],
    [['a', '1', 'b', '2', 'c', '3'], undefined],
    [['a', '1', 'b', '2', 'c', '3', 'd', '4'], 431],
    [[':path', '/', ':method', 'GET', 'a', '1', 'b', '2', 'c', '3'], undefined],
    [['a', 'x'.repeat(55)], undefined],
    [['a', 'x'.repeat(56)], 431],
    [['Host', 'a', 'host', 'b'], 400],
    [['content-type', 'a', 'Content-Type', 'a'], 400],
    [['authorization', 'a', 'authorization', 'b'], 400],
    [['content-length', '1', 'content-length', '1'], 400],
    [['cook', 'a', 'cook', 'b'], undefined],
  ])('%j: %s', (rawHeaders, status) => expect(checkHeaders(rawHeaders, limits)?.status).toBe(status))
})

describe('checkConfig', () => {
  const places = (config: object, level: 'service' | 'endpoint') =>
    checkConfig(config, { level }).map(({ place }) => place)
  it('keeps what holds for connections to the service', () => {
    const config = {
      header_timeout: '1s',
      max_requests_per_connection: 1,
      max_connections: 1,
      max_connections_per_ip: 1,
    }
    expect(places(config, 'service')).toEqual([])
    expect(places(config, 'endpoint')).toEqual([
      '.header_timeout',
      '.max_requests_per_connection',
      '.max_connections',
      '.max_connections_per_ip',
    ])
  })

  it('tells of limits without effect', () => {
    expect(places({ max_decompressed_body: 1 }, 'service')).toEqual(['.max_decompressed_body'])
    expect(places({ max_decompressed_body: 1 }, 'endpoint')).toEqual([])
    expect(places({ max_decompressed_body: 1, decompress_gzip: false }, 'endpoint')).toEqual(['.max_decompressed_body'])
    expect(places({ max_decompressed_body: 1, decompress_gzip: true }, 'service')).toEqual([])
  })

  it('keeps heads to what a parser can hold', () => {
    expect(places({ max_url: '1G', max_header_size: '65M' }, 'service')).toEqual(['.max_url', '.max_header_size'])
  })
})

describe('KrakenD’s max_payload', () => {
  it.each([
    [{ max_payload: 1000 }, { max_body: 1000 }],
    [{ max_payload: '1M' }, { max_body: '1M' }],
    [
      { max_payload: 0, decompress_gzip: true },
      { max_body: 0, decompress_gzip: true },
    ],
    [{ sequential: true }, undefined],
  ])('%j', (block, config) => expect(fromKrakend(block)).toEqual({ config, issues: [] }))

  it('names what is wrong', () => {
    expect(fromKrakend({ max_payload: '1X', decompress_gzip: 'yes' })).toEqual({
      config: undefined,
      issues: [
        { place: '.max_payload', message: 'expected a size such as 1024, "8K" or "10M"' },
        { place: '.decompress_gzip', message: 'expected true or false' },
      ],
    })
    for (const max_payload of [-1, 1.5, '', true, null]) {
      expect(fromKrakend({ max_payload }).issues).toHaveLength(1)
    }
  })
})
