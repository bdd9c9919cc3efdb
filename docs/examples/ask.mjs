// The newest forecast of a plant, how far to rely on it, what it measured since a time, and the next events, as
// lines of JSON.
//
//     node ask.mjs http://127.0.0.1:8080 KEY roof 2026-06-01T00:00:00Z 3

import { Gridcast } from './gridcast.mjs'

const [url, key, plant, since, events = '0'] = process.argv.slice(2)
const gridcast = new Gridcast(url, key)
const path = `/v1/plants/${encodeURIComponent(plant)}`
const say = (document) => console.log(JSON.stringify(document))

const forecast = await gridcast.get(`${path}/forecasts/latest`, { levels: '0.1,0.5,0.9', horizons: '15min,1h' })
for (const step of forecast.steps) say({ valid_at: step.valid_at, power_kw: step.power_kw })

const { metadata } = await gridcast.post('/v1/predict', { plant_id: plant, hours: 6 })
say({ trusted: metadata.trusted, why_not: metadata.why_not })

let energyKwh = 0
let scans = 0
for await (const scan of gridcast.rows(`${path}/actuals`, { from: since, limit: 50 })) {
  if (scan.power_kw !== null) energyKwh += scan.power_kw / 4 // of a plant with quarters of an hour
  scans += 1
}
say({ scans, energy_kwh: energyKwh })

let left = Number(events)
if (left > 0)
  for await (const { kind, data, id } of gridcast.live({ kinds: 'forecast,alert', first: true })) {
    say({ kind, plant_id: data.plant_id, id })
    if (--left === 0) break
  }
