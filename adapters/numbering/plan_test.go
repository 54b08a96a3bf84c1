package numbering

import (
	"errors"
	"testing"

	"c2d/core/fault"
	"c2d/core/identity"
)

func china() Config {
	return Config{Country: "+86", Area: "532", Outside: "9", Extension: "[2-8][0-9]{3}", Emergency: []string{"110", "119", "120"}}
}

func america() Config {
	return Config{Country: "+1", Area: "632", Outside: "9", Extension: "[1-8][0-9]{2,3}", Emergency: []string{"911"}}
}

func germany() Config {
	return Config{Country: "+49", Area: "30", Outside: "0", Extension: "[1-9][0-9]{2}", Emergency: []string{"110", "112"}}
}

func plan(t *testing.T, c Config) *Plan {
	t.Helper()
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestParse(t *testing.T) {
	type row struct {
		typed  string
		kind   identity.NumberKind
		digits string
		e164   string
	}
	plans := map[string]struct {
		config Config
		rows   []row
	}{
		"China": {china(), []row{
			{"13800138000", identity.E164, "13800138000", "+8613800138000"},
			{"138 0013-8000", identity.E164, "13800138000", "+8613800138000"},
			{"9 13800138000", identity.E164, "13800138000", "+8613800138000"},
			{"9013800138000", identity.E164, "013800138000", "+8613800138000"},
			{"0532-8280 1234", identity.E164, "053282801234", "+8653282801234"},
			{"905328280 1234", identity.E164, "053282801234", "+8653282801234"},
			{"(0532)82801234", identity.E164, "053282801234", "+8653282801234"},
			{"82801234", identity.E164, "82801234", "+8653282801234"},
			{"982801234", identity.E164, "82801234", "+8653282801234"},
			{"010 8888 8888", identity.E164, "01088888888", "+861088888888"},
			{"400-123-4567", identity.E164, "4001234567", "+864001234567"},
			{"+8613800138000", identity.E164, "+8613800138000", "+8613800138000"},
			{"+86 (0) 532 82801234", identity.E164, "+86053282801234", "+8653282801234"},
			{"0086 138 0013 8000", identity.E164, "008613800138000", "+8613800138000"},
			{"9 00 49 30 901820", identity.E164, "004930901820", "+4930901820"},
			{"＋８６　１３８００１３８０００", identity.E164, "+8613800138000", "+8613800138000"},
			{"１３８－００１３－８０００", identity.E164, "13800138000", "+8613800138000"},
			{"138–0013–8000", identity.E164, "13800138000", "+8613800138000"},
			{"+16328300100", identity.E164, "+16328300100", "+16328300100"},
			{"19912345678901", identity.National, "19912345678901", ""},
			{"10086", identity.Short, "10086", ""},
			{"9-10086", identity.Short, "10086", ""},
			{"95588", identity.Short, "95588", ""},
			{"2001", identity.Extension, "2001", ""},
			{"２００１", identity.Extension, "2001", ""},
			{"9 2001", identity.Short, "2001", ""},
			{"*21*2001#", identity.Short, "*21*2001#", ""},
			{"9", identity.Short, "9", ""},
		}},
		"America": {america(), []row{
			{"+16328300100", identity.E164, "+16328300100", "+16328300100"},
			{"+1 (632) 830-0100", identity.E164, "+16328300100", "+16328300100"},
			{"6328300100", identity.E164, "6328300100", "+16328300100"},
			{"1-632-830-0100", identity.E164, "16328300100", "+16328300100"},
			{"9 1 632 830 0100", identity.E164, "16328300100", "+16328300100"},
			{"830-0100", identity.E164, "8300100", "+16328300100"},
			{"9125551234", identity.E164, "9125551234", "+19125551234"},
			{"9 212.555.2368", identity.E164, "2125552368", "+12125552368"},
			{"011 86 138 0013 8000", identity.E164, "0118613800138000", "+8613800138000"},
			{"411", identity.Extension, "411", ""},
			{"2001", identity.Extension, "2001", ""},
		}},
		"Germany": {germany(), []row{
			{"030 901820", identity.E164, "30901820", "+4930901820"},
			{"0 030 901820", identity.E164, "030901820", "+4930901820"},
			{"0 901820", identity.E164, "901820", "+4930901820"},
			{"+49 (0)30/901820", identity.E164, "+49030901820", "+4930901820"},
			{"0 0049 30 901820", identity.E164, "004930901820", "+4930901820"},
			{"0171 2345678", identity.E164, "1712345678", "+491712345678"},
			{"116117", identity.Short, "116117", ""},
			{"0 116117", identity.Short, "116117", ""},
			{"245", identity.Extension, "245", ""},
		}},
		"no country": {Config{}, []row{
			{"+8613800138000", identity.E164, "+8613800138000", "+8613800138000"},
			{"13800138000", identity.National, "13800138000", ""},
			{"121", identity.Short, "121", ""},
		}},
		"no area": {Config{Country: "+86"}, []row{
			{"82801234", identity.National, "82801234", ""},
			{"0532 82801234", identity.E164, "053282801234", "+8653282801234"},
		}},
	}
	for name, c := range plans {
		p := plan(t, c.config)
		for _, r := range c.rows {
			t.Run(name+"/"+r.typed, func(t *testing.T) {
				want := identity.Number{Typed: r.typed, Kind: r.kind, Digits: r.digits, E164: r.e164}
				if got, err := p.Parse(r.typed); err != nil || got != want {
					t.Errorf("got kind %s digits %s e164 %s, %v", got.Kind, got.Digits, got.E164, err)
				}
			})
		}
	}
}

func TestEmergency(t *testing.T) {
	bare := china()
	bare.Emergency = nil
	plans := map[string]struct {
		config  Config
		reaches map[string]string // typed to the number that it reaches
	}{
		"China": {china(), map[string]string{
			"120": "120", "110": "110", "1-2-0": "120", "（１２０）": "120", "9110": "110", "9-120": "120", "99110": "110",
			"+86110": "110", "0086120": "120", "9 0086 120": "120", "+86 532 120": "120", "0532-120": "120", "90532120": "120",
			"+86 0532 119": "119", "120#": "120", "*110": "110", "9 # 1": "",
			"*67110": "110", "*31#120": "120", "#31#9120#": "120", "9*67 110": "110", "*21*2001#": "", "1200": "", "12": "", "2120": "", "0120": "",
			"010 120": "120", "0531-110": "110", "9 021 119": "119", "+86 10 120": "120", "+86 (0)120": "120", "0086 0 110": "110", "+86 (0)20 120": "120",
			"010 12012": "", "0531 8110": "", "01012088888": "", "053182801120": "", "8110": "", "010 10086": "",
		}},
		"America":                {america(), map[string]string{"911": "911", "9911": "911", "9-9-1-1": "911", "+1911": "911", "0111911": "911", "9110": ""}},
		"Germany":                {germany(), map[string]string{"0112": "112", "00112": "112", "030 112": "112", "0049112": "112", "1120": ""}},
		"nothing configured":     {Config{}, map[string]string{"120": "120", "9-1-1": "911", "112": "112", "10086": "", "1120": ""}},
		"China, by its metadata": {bare, map[string]string{"110": "110", "9120": "120", "10086": ""}},
	}
	for name, c := range plans {
		p := plan(t, c.config)
		for typed, want := range c.reaches {
			t.Run(name+"/"+typed, func(t *testing.T) {
				n, err := p.Parse(typed)
				if err != nil || n.Emergency != (want != "") {
					t.Fatalf("emergency is %v, %v", n.Emergency, err)
				}
				if want != "" && (n.Dial() != want || n.Kind != identity.Short || n.Typed != typed) {
					t.Errorf("reaches %s of kind %s", n.Dial(), n.Kind)
				}
			})
		}
	}
}

func TestEmergencyStandsBeforeExtensionAndRules(t *testing.T) {
	c := china()
	c.Extension, c.Deny = "[0-9]{3,5}", []string{"."}
	p := plan(t, c)
	for _, typed := range []string{"110", "9110"} {
		n, err := p.Parse(typed)
		if err != nil || !n.Emergency || p.Allowed(n) != nil {
			t.Errorf("%s: emergency %v, %v, %v", typed, n.Emergency, err, p.Allowed(n))
		}
	}
}

func TestParseRefuses(t *testing.T) {
	p := plan(t, china())
	for typed, want := range map[string]fault.Code{
		"":                                  fault.CodeInvalidNumber,
		" ":                                 fault.CodeInvalidNumber,
		"+":                                 fault.CodeInvalidNumber,
		"Mary":                              fault.CodeInvalidNumber,
		"1-800-FLOWERS":                     fault.CodeInvalidNumber,
		"13800138000;ext=1":                 fault.CodeInvalidNumber,
		"138,0013":                          fault.CodeInvalidNumber,
		"9+8613800138000":                   fault.CodeInvalidNumber,
		"+86*21#":                           fault.CodeInvalidNumber,
		"+0532 8280":                        fault.CodeInvalidNumber,
		"+1234":                             fault.CodeInvalidNumber,
		"+1234567890123456":                 fault.CodeInvalidNumber,
		"123456789012345678901234567890123": fault.CodeInvalidNumber,
		"\"138\"":                           fault.CodeInvalidNumber,
		"13800138000\r\nX-Evil: 1":          fault.CodeBadCharacter,
		"138\x000013":                       fault.CodeBadCharacter,
		"138\t0013":                         fault.CodeBadCharacter,
		"\u202a13800138000":                 fault.CodeBadCharacter,
		"138\u200b0013":                     fault.CodeBadCharacter,
		"138\u20280013":                     fault.CodeBadCharacter,
		"١٢٠":                               fault.CodeBadCharacter,
		"①②⓪":                               fault.CodeBadCharacter,
		"12⁰":                               fault.CodeBadCharacter,
		"𝟏𝟐𝟎":                               fault.CodeBadCharacter,
		"一二〇":                               fault.CodeBadCharacter,
		"120\xff":                           fault.CodeBadCharacter,
	} {
		n, err := p.Parse(typed)
		if !fault.Is(err, want) {
			t.Errorf("%q: %+v, %v", typed, n.Kind, err)
		}
	}
}

func TestAllowed(t *testing.T) {
	c := china()
	c.Allow = []string{`^\+86`, `^[2-8][0-9]{3}$`}
	c.Deny = []string{`^\+8612`, `^16[0-9]{6,}`}
	p := plan(t, c)
	for typed, want := range map[string]fault.Code{
		"13800138000":  "",
		"2001":         "",
		"120":          "",
		"+49301234567": fault.CodeNumberDenied,
		"10086":        fault.CodeNumberDenied,
		"+8612345678":  fault.CodeNumberDenied,
		"16600138000":  fault.CodeNumberDenied, // by its digits, though its E.164 is allowed
	} {
		n, err := p.Parse(typed)
		if err != nil {
			t.Fatal(err)
		}
		if got := fault.CodeOf(p.Allowed(n)); got != want {
			t.Errorf("%s: %q, want %q", typed, got, want)
		}
	}
}

func TestConfigTellsAllErrorsAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		config Config
		fields []string
	}{
		"everything": {Config{Country: "86", Area: "x", Outside: "+9", Extension: "(", Emergency: []string{"110", "a"}, Allow: []string{"["}, Deny: []string{"", "a"}},
			[]string{"country", "area", "outside", "emergency[1]", "allow[0]", "deny[0]", "extension"}},
		"no such country":      {Config{Country: "+999"}, []string{"country"}},
		"area with its trunk":  {Config{Country: "+86", Area: "0532"}, []string{"area"}},
		"area without country": {Config{Area: "532"}, []string{"area"}},
	} {
		t.Run(name, func(t *testing.T) {
			var joined interface{ Unwrap() []error }
			if err := c.config.Validate(); !errors.As(err, &joined) {
				t.Fatalf("got %v", err)
			}
			var got []string
			for _, err := range joined.Unwrap() {
				var f *fault.Error
				if errors.As(err, &f) && f.Code == fault.CodeInvalid {
					got = append(got, f.Field)
				}
			}
			if len(got) != len(c.fields) {
				t.Fatalf("fields %v, want %v", got, c.fields)
			}
			for i := range got {
				if got[i] != c.fields[i] {
					t.Errorf("fields %v, want %v", got, c.fields)
				}
			}
		})
	}
	if err := china().Validate(); err != nil {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"13800138000", "9-120", "+86 (0)532 8280", "００８６", "*21#", "9" + "0086", "\u202a1", "1\xff", ""} {
		f.Add(s)
	}
	cn, err := New(china())
	if err != nil {
		f.Fatal(err)
	}
	de, err := New(germany())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		for _, p := range []*Plan{cn, de} {
			n, err := p.Parse(typed)
			if err != nil {
				if !fault.Is(err, fault.CodeInvalidNumber, fault.CodeBadCharacter) {
					t.Errorf("code %s", fault.CodeOf(err))
				}
				continue
			}
			if s, ok := identity.StripNumber(n.Dial()); !ok || s != n.Dial() || n.Kind == "" {
				t.Errorf("%q dials %q of kind %q", typed, n.Dial(), n.Kind)
			}
			again, err := p.Parse(n.Dial())
			if n.E164 != "" && !again.Emergency && (err != nil || again.E164 != n.E164) {
				t.Errorf("%q is %s, which reads as %s, %v", typed, n.E164, again.E164, err)
			}
			if n.E164 != "" && again.Emergency {
				t.Errorf("%q is %s, which is an emergency number", typed, n.E164)
			}
		}
	})
}
