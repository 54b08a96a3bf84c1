package directory_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"c2d/core/directory"
	"c2d/core/fault"
	"c2d/core/identity"
)

const book = "\ufeffName,mobile,Number,aliases,identifier_system,identifier_value,kind\r\n" +
	"Mary,13800138000,8001|8002,sister|ward 3,mrn,7,\r\n" +
	"\"Ward \"\"3\"\"\",,8003,,,,place\r\n"

func TestImport(t *testing.T) {
	s, m := newService()
	old := mustCreate(t, s, mary())
	dry, err := s.Import(t.Context(), his(), strings.NewReader(book), true)
	want := directory.ImportReport{DryRun: true, Rows: 2, Created: 1, Updated: 1}
	if err != nil || !reflect.DeepEqual(dry, want) || len(m.rows) != 1 {
		t.Fatalf("dry run: %+v, %v; %d rows", dry, err, len(m.rows))
	}
	want.DryRun = false
	if got, err := s.Import(t.Context(), his(), strings.NewReader(book), false); err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("import: %+v, %v", got, err)
	}
	c := m.rows[old.ID].Contact
	var typed []string
	for _, p := range c.Numbers {
		typed = append(typed, p.Use+" "+p.Number.Typed)
	}
	if c.Version != 2 || !reflect.DeepEqual(typed, []string{"work 8001", "work 8002", "mobile 13800138000"}) ||
		!reflect.DeepEqual(c.Aliases, []string{"sister", "ward 3"}) || c.Identifiers[0] != (identity.Identifier{System: "mrn", Value: "7"}) {
		t.Errorf("replaced: %+v %v", c, typed)
	}
	if last := m.trails[len(m.trails)-1]; len(last.Audit) != 2 || len(last.Events) != 2 || last.Audit[0].Action != "contact.import" {
		t.Errorf("trail %+v", last)
	}
	if found, _ := m.ContactsByName(t.Context(), "main", `ward "3"`, 2); len(found) != 1 || found[0].Kind != directory.Place {
		t.Errorf("created: %+v", found)
	}
}

func TestImportWithABadRowStoresNothing(t *testing.T) {
	const file = "name,number,mobile,identifier_system,identifier_value\n" +
		"Good,8001,,,\n" +
		",8002,,,\n" +
		"Bad number,8003|x,,,\n" +
		"Bad mobile,8003,y,,\n" +
		"Short,1\n" +
		"Half,,,mrn,\n" +
		"First,,,mrn,1\n" +
		"Second,,,mrn,1\n" +
		"\xff,,,,\n"
	s, m := newService()
	got, err := s.Import(t.Context(), his(), strings.NewReader(file), false)
	if err != nil || len(m.rows) != 0 || got.Rows != 9 || got.Created != 0 || got.Updated != 0 {
		t.Fatalf("%+v, %v; %d rows stored", got, err, len(m.rows))
	}
	var lines []string
	for _, e := range got.Errors {
		lines = append(lines, fmt.Sprint(e.Line, " ", e.Column, " ", e.Code))
	}
	want := []string{"3 name invalid", "4 number invalid_number", "5 mobile invalid_number", "6  malformed",
		"7 identifier_value invalid", "9 identifier_value exists", "10 name bad_charset"}
	if !reflect.DeepEqual(lines, want) {
		t.Errorf("errors %q,\nwant %q", lines, want)
	}
}

// TestImportKeepsWhatNoColumnSays imports a contact again that was blocked, and that another system knows too.
func TestImportKeepsWhatNoColumnSays(t *testing.T) {
	s, m := newService()
	c := mary()
	c.Blocked = true
	c.Identifiers = append(c.Identifiers, identity.Identifier{System: "staff", Value: "9"})
	old := mustCreate(t, s, c)
	if got, err := s.Import(t.Context(), his(), strings.NewReader(book), false); err != nil || got.Updated != 1 {
		t.Fatalf("%+v, %v", got, err)
	}
	if now := m.rows[old.ID].Contact; !now.Blocked || !reflect.DeepEqual(now.Identifiers, c.Identifiers) {
		t.Errorf("blocked %t, identifiers %v; were %v", now.Blocked, now.Identifiers, c.Identifiers)
	}
}

func TestImportHeader(t *testing.T) {
	for file, want := range map[string]struct {
		code  fault.Code
		field string
	}{
		"":                      {fault.CodeInvalid, ""},
		"name,salary\n":         {fault.CodeUnknownField, "header[1]"},
		"name,Name\n":           {fault.CodeDuplicateField, "name"},
		"number\n1\n":           {fault.CodeInvalid, "name"},
		"\"name\nwithout end\n": {fault.CodeMalformed, ""},
	} {
		s, _ := newService()
		_, err := s.Import(t.Context(), his(), strings.NewReader(file), false)
		fails(t, err, want.code, want.field)
	}
}

func TestImportLimits(t *testing.T) {
	s, _ := newService()
	_, err := s.Import(t.Context(), his(), strings.NewReader("name\n"+strings.Repeat("\"\"\n", 100_001)), true)
	fails(t, err, fault.CodeTooLarge, "")
	got, err := s.Import(t.Context(), his(), strings.NewReader("name,number\n"+strings.Repeat("A,x\n", 150)), false)
	if err != nil || len(got.Errors) != 100 || got.Rows != 150 {
		t.Errorf("%d errors of %d rows, %v", len(got.Errors), got.Rows, err)
	}
}

func TestImportEndsWhenTheStoreIsDown(t *testing.T) {
	s, m := newService()
	m.down = true
	_, err := s.Import(t.Context(), his(), strings.NewReader("name,identifier_system,identifier_value\nA,mrn,1\n"), false)
	fails(t, err, fault.CodeStoreUnavailable, "")
}
