package directory

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"c2d/core/access"
	"c2d/core/audit"
	"c2d/core/fault"
	"c2d/core/identity"
)

const (
	maxRows      = 100_000
	maxRowErrors = 100
)

// ImportReport says what an import did, or would do.
type ImportReport struct {
	DryRun  bool       `json:"dry_run"`
	Rows    int        `json:"rows"`
	Created int        `json:"created"`
	Updated int        `json:"updated"`
	Errors  []RowError `json:"errors,omitempty"` // at most 100; with one, Created and Updated are 0
}

// RowError is what is wrong with a row; Line counts from 1, the header being 1.
type RowError struct {
	Line    int    `json:"line"`
	Column  string `json:"column,omitempty"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// Import reads contacts from CSV (RFC 4180, UTF-8 with or without BOM; the header names the columns kind, name,
// aliases, department, site, number, mobile, uri, identifier_system, identifier_value; lists are split at "|").
// A row whose identifier is known replaces that contact, but for what no column says: Blocked, and identifiers of other
// systems, stay. Others are created. All rows are stored, or none: with one
// bad row or with dryRun nothing is written. Needs access.WriteBook. Errors: fault.CodeInvalid,
// fault.CodeUnknownField for a column, fault.CodeTooLarge beyond 100,000 rows; the errors of rows are in the report.
func (s *Service) Import(ctx context.Context, a access.Actor, r io.Reader, dryRun bool) (ImportReport, error) {
	if err := a.May(access.WriteBook); err != nil {
		return ImportReport{}, err
	}
	run := importRun{s: s, a: a, report: ImportReport{DryRun: dryRun}, lines: map[identity.Identifier]int{}}
	if err := run.read(ctx, r); err != nil {
		return ImportReport{}, err
	}
	if len(run.report.Errors) > 0 {
		run.report.Created, run.report.Updated = 0, 0
		return run.report, nil
	}
	if dryRun || len(run.rows) == 0 {
		return run.report, nil
	}
	_, err := s.store.PutContacts(ctx, a.Tenant, run.rows, run.trail)
	return run.report, err
}

// importRun is the state of one import: the rows that are good so far, and what is wrong with the others.
type importRun struct {
	s      *Service
	a      access.Actor
	report ImportReport
	rows   []Keyed
	trail  audit.Trail
	lines  map[identity.Identifier]int // where an identifier was seen first
}

func (run *importRun) read(ctx context.Context, r io.Reader) error {
	in := csv.NewReader(withoutBOM(r))
	in.ReuseRecord = true
	header, err := readHeader(in)
	if err != nil {
		return err
	}
	for {
		fields, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		var syntax *csv.ParseError
		if err != nil && !errors.As(err, &syntax) {
			return fault.Wrap(fault.CodeMalformed, err, "the file ends early")
		}
		if run.report.Rows++; run.report.Rows > maxRows {
			return fault.New(fault.CodeTooLarge, "the file has more than %d rows", maxRows)
		}
		if syntax != nil {
			run.reject(syntax.StartLine, "", fault.New(fault.CodeMalformed, "is not a CSV row of the header's columns"))
			continue
		}
		line, _ := in.FieldPos(0)
		if err := run.row(ctx, line, header, fields); err != nil {
			return err
		}
	}
}

// row takes one row up; the error is one that ends the import, such as a store that is down.
func (run *importRun) row(ctx context.Context, line int, header, fields []string) error {
	c := contactOf(header, fields)
	err := run.s.check(&c)
	if err == nil {
		err = run.identify(ctx, line, &c)
	}
	var f *fault.Error
	switch {
	case err == nil:
		run.accept(c)
		return nil
	case errors.As(err, &f) && f.Code.Kind() != fault.Unavailable && f.Code.Kind() != fault.Internal:
		run.reject(line, columnOf(c, f.Field), f)
		return nil
	}
	return err
}

// identify makes a contact the successor of the one that has its identifier, if there is one.
func (run *importRun) identify(ctx context.Context, line int, c *Contact) error {
	now := clock()
	c.ID, c.Tenant, c.CreatedAt, c.UpdatedAt = identity.NewID(), run.a.Tenant, now, now
	if len(c.Identifiers) == 0 {
		return nil
	}
	id := c.Identifiers[0]
	if first := run.lines[id]; first > 0 {
		return fault.Field(fault.CodeExists, "identifiers", "is on line %d already", first)
	}
	run.lines[id] = line
	known, err := run.s.store.ContactsByIdentifier(ctx, run.a.Tenant, id)
	if err != nil || len(known) == 0 {
		return err
	}
	if len(known) > 1 {
		return fault.Field(fault.CodeAmbiguous, "identifiers", "belongs to %d contacts", len(known))
	}
	succeed(c, known[0])
	return nil
}

// succeed keeps what a row cannot say: an import must not lift a block, nor take another system's identifier away.
func succeed(c *Contact, old Contact) {
	c.ID, c.Version, c.CreatedAt, c.Blocked = old.ID, old.Version, old.CreatedAt, old.Blocked
	for _, id := range old.Identifiers {
		if id.System != c.Identifiers[0].System {
			c.Identifiers = append(c.Identifiers, id)
		}
	}
}

func (run *importRun) accept(c Contact) {
	if c.Version == 0 {
		run.report.Created++
	} else {
		run.report.Updated++
	}
	t := trail(run.a, c.UpdatedAt, "contact.import", c)
	run.trail.Audit = append(run.trail.Audit, t.Audit...)
	run.trail.Events = append(run.trail.Events, t.Events...)
	run.rows = append(run.rows, run.s.keyed(c))
}

func (run *importRun) reject(line int, column string, f *fault.Error) {
	if len(run.report.Errors) < maxRowErrors {
		run.report.Errors = append(run.report.Errors, RowError{Line: line, Column: column, Code: string(f.Code), Message: f.Message})
	}
}

// readHeader returns the columns in lower case. Errors: fault.CodeInvalid, fault.CodeUnknownField, fault.CodeMalformed.
func readHeader(in *csv.Reader) ([]string, error) {
	fields, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, fault.New(fault.CodeInvalid, "the file is empty; its first row must name the columns")
	}
	if err != nil {
		return nil, fault.Wrap(fault.CodeMalformed, err, "the first row is not CSV")
	}
	header := make([]string, len(fields))
	for i, name := range fields {
		name = strings.ToLower(strings.TrimSpace(name))
		if _, known := columns[name]; !known {
			return nil, fault.Field(fault.CodeUnknownField, fmt.Sprintf("header[%d]", i), "there is no such column")
		}
		if slices.Contains(header, name) {
			return nil, fault.Field(fault.CodeDuplicateField, name, "the column is given twice")
		}
		header[i] = name
	}
	if !slices.Contains(header, "name") {
		return nil, fault.Field(fault.CodeInvalid, "name", "the column is missing")
	}
	return header, nil
}
