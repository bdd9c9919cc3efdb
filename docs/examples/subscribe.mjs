// Follow a gridcast from outside: the newest forecast of every plant at once, then each new one, and alerts.
//
//     npm install kafkajs avsc
//     node subscribe.mjs localhost:9092 forecast.avsc
//
// `forecast.avsc` is `schemas/forecast.avsc` of the gridcast that writes. One line of JSON a record.
// A group remembers where it was: with its own name a second start goes on from there.

import { readFileSync } from 'node:fs'
import avro from 'avsc'
import { Kafka, logLevel } from 'kafkajs'

const [bootstrap, schemaFile, group = `reader-${process.pid}`] = process.argv.slice(2)
const FORECASTS = 'power.forecasts.latest'
const ALERTS = 'grid.alerts'
const HEADER_BYTES = 5 // a zero byte and the schema's id

const schema = avro.Type.forSchema(JSON.parse(readFileSync(schemaFile, 'utf8')))
const newestMs = new Map() // plant -> issued_at of its newest forecast
const alertsSeen = new Set()

function forecast(message) {
  const plant = message.key.toString()
  const issuedMs = Number(message.headers.issued_at.toString())
  if (issuedMs <= (newestMs.get(plant) ?? -1)) return // seen, or older
  newestMs.set(plant, issuedMs)
  const record = schema.fromBuffer(message.value.subarray(HEADER_BYTES))
  const median = record.levels.indexOf(0.5) // levels of step 0, then of step 1, and so on
  return {
    plant,
    issued_at: new Date(record.issued_at).toISOString(),
    valid_at: new Date(record.valid_at[0]).toISOString(),
    p50_kw: record.power_kw[median],
    steps: record.valid_at.length,
  }
}

function alert(message) {
  const event = JSON.parse(message.value.toString())
  if (alertsSeen.has(event.id)) return
  alertsSeen.add(event.id)
  return { alert: event.type, subject: event.subject, message: event.data.message }
}

const kafka = new Kafka({ clientId: 'subscriber', brokers: bootstrap.split(','), logLevel: logLevel.ERROR })
const consumer = kafka.consumer({ groupId: group })
await consumer.connect()
await consumer.subscribe({ topics: [FORECASTS, ALERTS], fromBeginning: true })
await consumer.run({
  eachMessage: async ({ topic, message }) => {
    const line = topic === FORECASTS ? forecast(message) : alert(message)
    if (line) console.log(JSON.stringify(line))
  },
})
process.once('SIGTERM', () => consumer.disconnect())
process.once('SIGINT', () => consumer.disconnect())
