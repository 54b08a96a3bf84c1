package httpapi

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"c2d/core/fault"
)

// FuzzStrict holds the strict reader to encoding/json: what it takes, encoding/json takes too, with the same meaning,
// and decodes into the type that the reader found it to fit.
func FuzzStrict(f *testing.F) {
	for _, seed := range []string{`{"caller":"harry","callee":{"id":"1"},"limits":{"talk_s":5},"context":{"a":"b"}}`, `{"a":1,"A":2}`,
		`[[[[`, `{"caller":"\ud800"}`, `{"a":1e400}`, "\xff", `"\u0000"`, `{"":{"":[null,true,-0.5e-3]}}`, strings.Repeat(`{"a":`, 50) + "1" + strings.Repeat("}", 50)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := parseStrict(data)
		if err != nil {
			var known *fault.Error
			if !errors.As(err, &known) || known.Code == fault.CodeInternal {
				t.Fatalf("an error that is no fault: %v", err)
			}
			return
		}
		var plain any
		d := json.NewDecoder(strings.NewReader(string(data)))
		d.UseNumber()
		if err := d.Decode(&plain); err != nil || !reflect.DeepEqual(v, plain) {
			t.Fatalf("read %#v, encoding/json %#v, %v", v, plain, err)
		}
		if _, isObject := v.(map[string]any); isObject && conform(v, reflect.TypeFor[placeBody]()) == nil {
			if err := json.Unmarshal(data, new(placeBody)); err != nil {
				t.Fatalf("%s fits, but does not decode: %v", data, err)
			}
		}
	})
}

func TestFaultsAreBounded(t *testing.T) {
	v, err := parseStrict([]byte(`{` + strings.Repeat(`"x":1,`, 100) + `"y":2}`))
	var all faults
	if !errors.As(err, &all) || len(all) != maxFaults {
		t.Errorf("%d faults of %v", len(all), v)
	}
}

func TestOddKeysAreNotEchoed(t *testing.T) {
	for key, want := range map[string]string{"visit": "context.visit", "病房": "context.病房", "a\u202eb": "context.?", strings.Repeat("k", 65): "context.?"} {
		if got := join("context", key); got != want {
			t.Errorf("join(%q) = %q, want %q", key, got, want)
		}
	}
}
