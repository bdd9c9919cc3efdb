// Numbers for people: power, energy, shares, with their units. Missing is a dash, and never 0.

export const NONE = "–";
const missing = (value) => value === null || value === undefined || Number.isNaN(value);

export function plain(value, digits = 0) {
  if (missing(value)) return NONE;
  const text = value.toLocaleString("en-GB", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return /^-0(\.0+)?$/.test(text) ? text.slice(1) : text;
}

// Which unit suits a plant of this size: the divisor, its name, and the digits behind the point.
export function powerScale(capacityKw) {
  if (capacityKw >= 10000) return { per: 1000, unit: "MW", digits: 1 };
  return { per: 1, unit: "kW", digits: capacityKw < 20 ? 2 : capacityKw < 200 ? 1 : 0 };
}

// What a plant draws for itself at rest, below this share of its capacity, is within rounding: 0 is said.
const AT_REST = 0.005;

export function power(kw, capacityKw) {
  if (missing(kw)) return NONE;
  const scale = powerScale(capacityKw);
  return `${plain(atRest(kw, capacityKw) / scale.per, scale.digits)} ${scale.unit}`;
}

const atRest = (kw, capacityKw) => (kw < 0 && -kw < AT_REST * capacityKw ? 0 : kw);

// Of one number alone, with digits as it needs them.
export const powerOf = (kw) => power(kw, missing(kw) ? 0 : Math.max(Math.abs(kw), 1));

export function band(low, high, capacityKw) {
  if (missing(low) || missing(high)) return NONE;
  const scale = powerScale(capacityKw);
  const [from, to] = [low, high].map((kw) => plain(atRest(kw, capacityKw) / scale.per, scale.digits));
  return `${from} to ${to} ${scale.unit}`;
}

export function energy(kwh) {
  if (missing(kwh)) return NONE;
  return Math.abs(kwh) >= 10000
    ? `${plain(kwh / 1000, 1)} MWh`
    : `${plain(kwh, Math.abs(kwh) < 10 ? 1 : 0)} kWh`;
}

export const share = (value, digits = 0) => (missing(value) ? NONE : `${plain(100 * value, digits)} %`);
export const percent = (value, digits = 1) => (missing(value) ? NONE : `${plain(value, digits)} %`);
export const count = (value, one, many = `${one}s`) => `${plain(value)} ${value === 1 ? one : many}`;
