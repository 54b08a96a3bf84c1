package identity_test

import (
	"strings"
	"testing"

	"c2d/core/fault"
	"c2d/core/identity"
)

func TestCheckText(t *testing.T) {
	for name, c := range map[string]struct {
		in   string
		want fault.Code
	}{
		"plain":              {"Mary O'Brien", ""},
		"chinese":            {"李雷·华", ""},
		"empty":              {"", fault.CodeInvalid},
		"too long":           {strings.Repeat("李", 201), fault.CodeInvalid},
		"longest":            {strings.Repeat("李", 200), ""},
		"line feed":          {"a\r\nVia: x", fault.CodeBadCharacter},
		"nul":                {"a\x00", fault.CodeBadCharacter},
		"C1 control":         {"a\u0085b", fault.CodeBadCharacter},
		"line separator":     {"a\u2028b", fault.CodeBadCharacter},
		"right-to-left mark": {"a\u202eb", fault.CodeBadCharacter},
		"not UTF-8":          {"a\xff", fault.CodeBadCharset},
	} {
		t.Run(name, func(t *testing.T) {
			if got := fault.CodeOf(identity.CheckText("name", c.in, 1, 200)); got != c.want {
				t.Errorf("CheckText(%q) = %q, want %q", c.in, got, c.want)
			}
		})
	}
}

func TestCheckAddress(t *testing.T) {
	for in, want := range map[string]fault.Code{
		"sip:harry@hospital.example": "", "*86#": "", "8001": "", "+16328300100": "",
		"": fault.CodeInvalid, strings.Repeat("1", 256): fault.CodeInvalid,
		"80 01": fault.CodeBadCharacter, "a\r\nb": fault.CodeBadCharacter, `"a"`: fault.CodeBadCharacter,
		"a,b": fault.CodeBadCharacter, "a/b": fault.CodeBadCharacter, "8001\n": fault.CodeBadCharacter,
	} {
		if got := fault.CodeOf(identity.CheckAddress("address", in)); got != want {
			t.Errorf("CheckAddress(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCheckIdentifiersNamesTheField(t *testing.T) {
	ok := identity.Identifier{System: "mrn", Value: "1"}
	for field, ids := range map[string][]identity.Identifier{
		"identifiers[1].value":  {ok, {System: "mrn"}},
		"identifiers[0].system": {{Value: "1"}},
		"identifiers[1]":        {ok, ok},
		"identifiers":           make([]identity.Identifier, 33),
	} {
		err, _ := identity.CheckIdentifiers("identifiers", ids).(*fault.Error)
		if err == nil || err.Field != field {
			t.Errorf("CheckIdentifiers = %v, want the field %s", err, field)
		}
	}
	if err := identity.CheckIdentifiers("identifiers", []identity.Identifier{ok}); err != nil {
		t.Error(err)
	}
}
