// A table that takes over from another what has changed, row by row: what stands still keeps its place,
// its focus and what is selected in it.

export function takeOver(table, fresh) {
  const body = table.tBodies[0];
  const there = new Map([...body.rows].map((row) => [row.dataset.row, row]));
  [...fresh.tBodies[0].rows].forEach((row, place) => {
    const was = there.get(row.dataset.row);
    const kept = was?.isEqualNode(row) ? was : row;
    if (kept === row) was?.remove();
    if (body.rows[place] !== kept) body.insertBefore(kept, body.rows[place] ?? null);
    there.delete(row.dataset.row);
  });
  for (const gone of there.values()) gone.remove();
}
