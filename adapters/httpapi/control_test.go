package httpapi_test

import (
	"testing"
)

// What is said in a body, or not said, reaches core as it was meant.
func TestCallsAreControlled(t *testing.T) {
	w := newWorld(t)
	placed(w)
	for _, c := range []struct{ verb, body, order string }{
		{"hold", "", "hold  true"},
		{"hold", "{}", "hold  true"},
		{"hold", `{"party":"callee"}`, "hold callee true"},
		{"resume", "", "hold  false"},
		{"resume", `{"party":"caller"}`, "hold caller false"},
		{"dtmf", `{"digits":"12#"}`, "dtmf  12#"},
		{"dtmf", `{"digits":"1","party":"caller"}`, "dtmf caller 1"},
		{"record", `{"on":true}`, "record true"},
		{"record", `{"on":false}`, "record false"},
		{"transfer", `{"to":"Zoe"}`, "transfer  {ID: Identifier:<nil> Number: URI: Name:Zoe}"},
		{"transfer", `{"call":"call-2"}`, "join  call-2"},
		{"transfer", `{"call":"call-2","party":"callee"}`, "join callee call-2"},
		{"transfer", `{"to":{"number":"300"},"party":"callee"}`, "transfer callee {ID: Identifier:<nil> Number:300 URI: Name:}"},
	} {
		rec := w.do(t, ask{method: "POST", path: "/v1/calls/call-1/" + c.verb, body: c.body})
		if rec.Code != 200 {
			t.Errorf("%s %s: %d %s", c.verb, c.body, rec.Code, rec.Body)
		}
		if n := len(w.calls.orders); n == 0 || w.calls.orders[n-1] != c.order {
			t.Errorf("%s %s: %v", c.verb, c.body, w.calls.orders)
		}
	}
}
