package asterisk

import (
	"testing"

	"c2d/adapters/sip/handset"
	telephone "c2d/adapters/sip/phone"
	"c2d/core/call/calltest"
	"c2d/test/office"
	"c2d/test/pbx"
)

// A phone dials the feature code and a name, spelled with letters, and talks with whom the name means.
func TestFeatureCodeWithAName(t *testing.T) {
	s := serves(t)
	harry, mary := s.person("harry"), s.person("mary")
	contact := map[string]any{"kind": "person", "name": "Mary", "numbers": []any{map[string]any{"use": "work", "number": mary.Name}}}
	if err := s.api.Post(t.Context(), "/v1/contacts", contact, nil); err != nil {
		t.Fatal(err)
	}
	harry.Dial(t, "mary")
	office.Awaits(t, mary, telephone.Ringing)
	mary.Lift(t)
	harry.Hears(t, mary)
	mary.Hears(t, harry)
	mary.PutDown(t)
	office.Awaits(t, harry, telephone.Ended)
	s.empty()
}

// While C2D is down the feature code goes on as the number that was dialled.
func TestFeatureCodeWhileWeAreDown(t *testing.T) {
	w := &wards{asterisk: pbx.StartAsterisk(t, pbx.Switch{Files: phones()})}
	s := &service{ward: &ward{wards: w}, t: t}
	harry, mary := s.Phone(t, calltest.Rings).(*handset.Handset), s.Phone(t, calltest.Rings).(*handset.Handset)
	harry.Dial(t, mary.Name)
	office.Awaits(t, mary, telephone.Ringing)
	mary.Lift(t)
	harry.Hears(t, mary)
	mary.PutDown(t)
	office.Awaits(t, harry, telephone.Ended)
	s.empty()
}
