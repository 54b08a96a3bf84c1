package identity

import "testing"

func TestNumbersOut(t *testing.T) {
	national := func(number string) string { return "national of " + number }
	for _, c := range []struct{ format, prefix, number, want string }{
		{"", "", "+8653283001999", "+8653283001999"},
		{"", "9", "+8653283001999", "9+8653283001999"},
		{"digits", "", "+8653283001999", "8653283001999"},
		{"digits", "9", "+8653283001999", "98653283001999"},
		{"national", "9", "+8653283001999", "9national of +8653283001999"},
		{"e164", "", "8001", "8001"},
		{"national", "9", "8001", "8001"},
		{"digits", "9", "*31#", "*31#"},
	} {
		if got := (Format{Format: c.format, Prefix: c.prefix}).Write(c.number, national); got != c.want {
			t.Errorf("%q %q of %s: %s, want %s", c.format, c.prefix, c.number, got, c.want)
		}
	}
}

func TestNumbersIn(t *testing.T) {
	for _, c := range []struct{ format, number, want string }{
		{"digits", "8613800138000", "+8613800138000"}, {"digits", "8001", "8001"}, {"digits", "+8613800138000", "+8613800138000"},
		{"digits", "013800138000", "013800138000"}, {"", "013800138000", "013800138000"}, {"national", "053283001999", "053283001999"},
	} {
		if got := (Format{Format: c.format}).Read(c.number); got != c.want {
			t.Errorf("%q of %s: %s, want %s", c.format, c.number, got, c.want)
		}
	}
}

func TestFormatsThatAreWrong(t *testing.T) {
	for _, f := range []Format{{Format: "odd"}, {Prefix: "9 "}, {Prefix: "a"}} {
		if f.Validate("out") == nil {
			t.Errorf("%+v is taken", f)
		}
	}
	if err := (Format{Format: "national", Prefix: "*9#"}).Validate("out"); err != nil {
		t.Error(err)
	}
}
