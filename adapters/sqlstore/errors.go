package sqlstore

import (
	"errors"

	"github.com/lib/pq"
	"modernc.org/sqlite"

	"c2d/core/fault"
)

// class is what an error of a database means to us.
type class int

const (
	unknown     class = iota // a bug of ours: fault.CodeInternal
	unavailable              // no connection, no lock, no disk: nothing was done
	taken                    // a unique value exists
	badText                  // text that the database cannot hold
	tooLarge
)

// sqliteClasses are by SQLite's result code (sqlite.org/rescode.html), an extended one before its primary one.
var sqliteClasses = map[int]class{
	2067: taken,       // CONSTRAINT_UNIQUE
	1555: taken,       // CONSTRAINT_PRIMARYKEY
	3:    unavailable, // PERM
	5:    unavailable, // BUSY
	6:    unavailable, // LOCKED
	7:    unavailable, // NOMEM
	8:    unavailable, // READONLY
	9:    unavailable, // INTERRUPT: the context ended
	10:   unavailable, // IOERR
	11:   unavailable, // CORRUPT
	13:   unavailable, // FULL
	14:   unavailable, // CANTOPEN
	15:   unavailable, // PROTOCOL: a lock that could not be had
	26:   unavailable, // NOTADB
	18:   tooLarge,    // TOOBIG
}

// postgresClasses are by SQLSTATE (PostgreSQL appendix A), a whole one before its first two characters.
var postgresClasses = map[string]class{
	"23505": taken,       // unique_violation
	"22021": badText,     // character_not_in_repertoire
	"22P05": badText,     // untranslatable_character
	"55P03": unavailable, // lock_not_available
	"25006": unavailable, // read_only_sql_transaction: a standby
	"3D000": unavailable, // invalid_catalog_name: no such database
	"08":    unavailable, // connection exceptions
	"28":    unavailable, // invalid authorization
	"40":    unavailable, // transaction rollback: serialization, deadlock
	"53":    unavailable, // insufficient resources
	"57":    unavailable, // operator intervention: shut down, cancelled
	"58":    unavailable, // system error
	"54":    tooLarge,    // program limit exceeded: an index row too long
}

// fields are the input fields behind PostgreSQL's unique indexes. The store looks before it writes, while it holds the
// lock on all writes; an index only speaks when a process that does not keep to that writes too.
var fields = map[string]string{
	"users_login": "login", "devices_address": "address", "devices_username": "credentials.username",
	"identifiers_pkey": "identifiers", "access_keys_hash": "hash",
}

func sqliteFault(err error) error {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return otherFault(err)
	}
	c, ok := sqliteClasses[e.Code()]
	if !ok {
		c = sqliteClasses[e.Code()&0xff]
	}
	return c.fault("", err)
}

func postgresFault(err error) error {
	var e *pq.Error
	if !errors.As(err, &e) {
		return otherFault(err)
	}
	code := string(e.Code)
	c, ok := postgresClasses[code]
	if !ok && len(code) > 2 {
		c = postgresClasses[code[:2]]
	}
	return c.fault(fields[e.Constraint], err)
}

// otherFault is for what no database said: the connection broke, or the context ended.
func otherFault(err error) error {
	if err == nil {
		return nil
	}
	return unavailable.fault("", err)
}

func (c class) fault(field string, cause error) error {
	switch c {
	case unavailable:
		return fault.Wrap(fault.CodeStoreUnavailable, cause, "the store is not available now")
	case taken:
		return &fault.Error{Code: fault.CodeExists, Field: field, Message: "another one has this value", Cause: cause}
	case badText:
		return fault.Wrap(fault.CodeBadCharacter, cause, "a text has a character that cannot be stored")
	case tooLarge:
		return fault.Wrap(fault.CodeTooLarge, cause, "a value is too long to be stored")
	default:
		return fault.Wrap(fault.CodeInternal, cause, "the store failed")
	}
}

func notFound() error { return fault.New(fault.CodeNotFound, "there is nothing by that id or name") }

func conflict() error {
	return fault.New(fault.CodeConflict, "it was changed by another in the meantime")
}

func exists(field string) error {
	return fault.Field(fault.CodeExists, field, "another one has this value")
}
