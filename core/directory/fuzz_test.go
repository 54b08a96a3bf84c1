package directory_test

import (
	"errors"
	"strings"
	"testing"

	"c2d/core/fault"
)

// FuzzImport holds that no file makes an import panic or fail in a way that is ours, and that a dry run tells what the
// import then does.
func FuzzImport(f *testing.F) {
	for _, seed := range []string{
		book, "name\n\"half", "name,name\nx,y", "\xef\xbb\xbfname;number\na;b", "kind,name,uri\nrole,Nurse on call,sip:a@b\n",
		"name,number\n\x00,\"8001|\r\n8002\"\r\n", "name,identifier_system,identifier_value\na,mrn,1\nb,mrn,1\n", "NAME\n\xff\n", "",
		"name,department,site,mobile,aliases\n马丽,护理部,東,+86 138 0013 8000,马|丽|\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		s, m := newService()
		dry, err := s.Import(t.Context(), his(), strings.NewReader(file), true)
		var known *fault.Error
		if err != nil && (!errors.As(err, &known) || known.Code.Kind() == fault.Internal) {
			t.Fatal("an error that is no fault of the file:", err)
		}
		if len(m.rows) != 0 {
			t.Fatal("a dry run stores")
		}
		got, again := s.Import(t.Context(), his(), strings.NewReader(file), false)
		dry.DryRun = false
		if (err == nil) != (again == nil) || got.Created != dry.Created || got.Updated != dry.Updated || len(got.Errors) != len(dry.Errors) {
			t.Fatalf("foretold %+v, %v; done %+v, %v", dry, err, got, again)
		}
		if len(m.rows) != got.Created {
			t.Fatalf("%d rows, %d created", len(m.rows), got.Created)
		}
	})
}
