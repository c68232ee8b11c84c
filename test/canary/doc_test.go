// Package canary_test shows that nothing secret is in what a cluster says of itself. Two real nodes run with everything
// logged, and people do on them what people do, and what goes wrong: they register, sign in, write, edit, delete, search,
// send what is too long, broken and forged; PostgreSQL and Redis go away under it; at last a node is made to crash. Then all
// that the nodes said is searched, their logs, metrics, health, spans and the crash, for everything that was secret: what
// people wrote, their tokens, passwords, names and addresses, and the keys of the cluster, as they are and as base64, hex,
// URL and JSON have them. Every entry of a log must be one line of JSON of the seed's shape: nobody may forge one.
//
// Words that are known to be said are searched for in the same way, and must be found: else the search proves nothing.
package canary_test
