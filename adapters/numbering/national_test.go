package numbering

import "testing"

func TestNational(t *testing.T) {
	for _, c := range []struct{ number, country, want string }{
		{"+8653283001999", "+86", "053283001999"},
		{"+8613800138000", "+86", "13800138000"},
		{"+4930123456", "+86", "004930123456"},
		{"+4930123456", "+49", "030123456"},
		{"+86999", "+86", "0999"}, // no metadata knows it
		{"+8613800138000", "", "008613800138000"},
	} {
		if got := National(c.country)(c.number); got != c.want {
			t.Errorf("%s in %q: %s, want %s", c.number, c.country, got, c.want)
		}
	}
}
