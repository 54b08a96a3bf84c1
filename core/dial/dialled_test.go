package dial

import "testing"

func TestDialled(t *testing.T) {
	for to, want := range map[string]Ref{
		"101": {Number: "101"}, "sip:101@hospital.example": {Number: "101"}, "sip:Mary@hospital.example": {URI: "sip:Mary@hospital.example"}, "Mary": {Name: "Mary"},
	} {
		if got := dialled(to); got != want {
			t.Errorf("%s: %+v", to, got)
		}
	}
}
