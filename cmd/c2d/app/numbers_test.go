package app

import (
	"testing"

	"c2d/adapters/numbering"
	"c2d/core/identity"
)

// TestWhatACarrierSends is the number that the book and the rules have, in whatever form it is written: the trunk takes off
// what is the carrier's own, the plan reads the rest as it reads what people type.
func TestWhatACarrierSends(t *testing.T) {
	plan, err := numbering.New(numbering.Config{Country: "+86", Area: "532", Outside: "9", Extension: "[0-9]{3,4}", Emergency: []string{"110", "119", "120"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		in         identity.Format
		sent, want string
	}{
		{identity.Format{}, "+8613800138000", "+8613800138000"},
		{identity.Format{}, "+4930123456", "+4930123456"},
		{identity.Format{Format: "digits"}, "8613800138000", "+8613800138000"},
		{identity.Format{Format: "digits"}, "4930123456", "+4930123456"},
		{identity.Format{Format: "digits"}, "004930123456", "+4930123456"},
		{identity.Format{Format: "digits"}, "053283001999", "+8653283001999"}, // though it said digits
		{identity.Format{Format: "digits"}, "8001", "8001"},
		{identity.Format{Format: "national"}, "13800138000", "+8613800138000"},
		{identity.Format{Format: "national"}, "013800138000", "+8613800138000"},
		{identity.Format{Format: "national"}, "053283001999", "+8653283001999"},
		{identity.Format{Format: "national"}, "01083001999", "+861083001999"},
		{identity.Format{Format: "national"}, "004930123456", "+4930123456"},
		{identity.Format{Format: "national"}, "83001999", "+8653283001999"},
		{identity.Format{Format: "national", Prefix: "9"}, "9053283001999", "+8653283001999"},
		{identity.Format{Format: "national", Prefix: "0000"}, "00008001", "8001"},
		{identity.Format{Format: "e164", Prefix: "77"}, "77+8613800138000", "+8613800138000"},
	} {
		n, err := plan.Parse(c.in.Read(c.sent))
		if err != nil || n.Dial() != c.want {
			t.Errorf("%+v of %s: %s, %v; want %s", c.in, c.sent, n.Dial(), err, c.want)
		}
	}
}
