// SPDX-License-Identifier: Apache-2.0
// A CoAP device on node-coap: what it has is `state`. Lines on stdin: `set KEY JSON` (observers are told), `get KEY`.
// It says its port, then answers each line with one.
'use strict'
const readline = require('readline')
const cbor = require('cbor')
const coap = require('coap')

const state = { temp: 21.5, json: { mode: 'eco' }, cbor: { level: 3 }, text: 'short', presses: [], quiet: 1, reports: 0, puts: 0 }
const observers = { temp: new Set(), json: new Set() }
const LINKS = '</temp>;rt="temperature-c";if="sensor";ct=0;obs,</json>;rt="mode";ct=50;obs,</cbor>;rt="level";ct=60,' +
  Array.from({ length: 60 }, (_, i) => `</more/${i}>;rt="spare";title="one of many"`).join(',')

const readers = {
  temp: () => ['text/plain', state.temp.toFixed(2)],
  json: () => ['application/json', JSON.stringify(state.json)],
  cbor: () => ['application/cbor', cbor.encode(state.cbor)],
  text: () => ['text/plain', state.text],
  quiet: () => ['text/plain', String(state.quiet)],
  slow: () => ['text/plain', '7'],
  // No two are alike, and each needs several messages.
  report: () => ['application/json', JSON.stringify({ serial: ++state.reports, pad: String(state.reports % 10).repeat(5000), again: state.reports })],
  '.well-known/core': () => ['application/link-format', LINKS]
}

const writers = {
  json: body => { state.json = JSON.parse(body) },
  cbor: body => { state.cbor = cbor.decodeFirstSync(body) },
  text: body => { state.text = body.toString() }
}

function answer (req, res) {
  const path = req.url.split('?')[0].slice(1)
  if (req.method === 'GET' && readers[path]) {
    const [format, body] = readers[path]()
    res.setOption('Content-Format', format)
    if (req.headers.Observe === 0 && observers[path]) {
      observers[path].add(res)
      res.on('finish', () => observers[path].delete(res))
      res.statusCode = '2.05'
      res.write(body)
    } else {
      setTimeout(() => res.end(body), path === 'slow' ? 400 : 0)
    }
  } else if (req.method === 'PUT' && writers[path]) {
    writers[path](req.payload)
    state.puts++
    res.code = '2.04'
    res.end()
    tell(path)
  } else if (req.method === 'POST' && path === 'presses') {
    state.presses.push(req.payload.toString())
    res.code = '2.01'
    res.end('done')
  } else {
    res.code = readers[path] ? '4.05' : '4.04'
    res.end()
  }
}

function tell (key) {
  for (const observer of observers[key] || []) observer.write(readers[key]()[1])
}

function obey (line) {
  const [verb, key, ...rest] = line.split(' ')
  if (verb === 'set') {
    state[key] = JSON.parse(rest.join(' '))
    tell(key)
  }
  console.log(JSON.stringify(key === 'observers' ? observers.temp.size : state[key]))
}

coap.createServer(answer).listen(Number(process.argv[2]), '127.0.0.1', () => {
  console.log('ready')
  readline.createInterface({ input: process.stdin }).on('line', obey).on('close', () => process.exit())
})
