// Package sqlstore is every store port of the core on SQLite or PostgreSQL, by the same SQL.
//
// # Writing
//
// A phone may ring only when the intent is durable, and a disk makes some hundred commits a second durable, not some
// thousand. So one goroutine owns the one connection that writes:
//
//	callers ──► queue (bounded) ──► writer: take all that wait, at once and without a timer
//	                                  BEGIN, lock
//	                                    for each: SAVEPOINT, run, RELEASE or ROLLBACK TO
//	                                  COMMIT ──► wake the readers of events, answer each
//
// While one commit waits for the disk the next batch gathers, so that the batch grows with the load, and a lone write
// does not wait for others. But for those that nobody waits for (a call's state, when nothing depends on it): they wait for
// the next one that does not, 50 ms at most, since a commit costs more than all that is in it. A conflict rolls back its own savepoint and fails its own caller. When a savepoint cannot
// be rolled back, or anything outside one fails, the connection is closed, the whole batch fails with
// fault.CodeStoreUnavailable, and the next batch begins on a new connection. Such a batch may be stored all the same
// if it was the COMMIT whose answer was lost: callers read before they try again (a version conflict tells them).
//
// Rules (unique logins, one ringing call for each caller, versions) are looked up before the write, under the lock,
// since neither database says in a code which rule was broken; the unique indexes stand behind them.
//
// # Order
//
// Sequence numbers of events and of the audit chain are counted for each tenant in the table heads, without gaps, and
// in the order of commits: on SQLite because BEGIN IMMEDIATE lets one transaction write at a time, on PostgreSQL because
// each transaction first locks one row, whatever process it is of. A sequence would be faster, and would let a reader
// pass by an event that commits late. Taking turns costs little, as each turn carries a whole batch.
//
// # Reading
//
// Reads go to a pool of their own and see what is committed. Readers of events near the head are served from a ring in
// memory. [Store.Changed] tells of this process's commits only: where several processes share a PostgreSQL database, a
// reader also asks again after a second, and Read then looks into the database (LISTEN and NOTIFY were left out, since
// a lost notification needs the poll anyway). A SQLite file belongs to one process.
//
// # Rows
//
// Each row and index begins with the tenant. An aggregate is one JSON document beside the columns that look-ups and rules
// need; secrets (digest credentials, key hashes) have columns of their own. Times are kept and given back in UTC to
// the millisecond. Text is ordered by its bytes on both databases, so that cursors and prefixes mean the same. A text
// that is not UTF-8, or holds NUL, is refused with fault.CodeBadCharacter on both.
//
// On PostgreSQL the durability is what the server's synchronous_commit says; the default, on, is the one to have.
package sqlstore
