// node audit.mjs URL: the audits of the npm package graphql-http, one line of JSON for each that is not ok, and their number.
import { auditServer } from 'graphql-http';

const results = await auditServer({ url: process.argv[2] });
for (const { id, name, status, reason } of results) {
  if (status !== 'ok') console.log(JSON.stringify({ id, name, status, reason }));
}
console.log(results.length);
