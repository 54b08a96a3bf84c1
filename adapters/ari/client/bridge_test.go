package client

import (
	"net/http"
	"testing"
)

// A phone that hangs up while its channel is put into a bridge has ended; nothing failed.
func TestChannelGoneFromItsBridge(t *testing.T) {
	cases := []struct {
		status       int
		enter, leave bool
	}{{http.StatusBadRequest, true, true}, {http.StatusNotFound, true, true}, {http.StatusUnprocessableEntity, true, false}, {http.StatusConflict, false, false}}
	for _, tc := range cases {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(tc.status) })
		if err := c.Enter(t.Context(), "b", "x"); Gone(err) != tc.enter || err == nil {
			t.Errorf("enter, %d: %v", tc.status, err)
		}
		if err := c.Leave(t.Context(), "b", "x"); Gone(err) != tc.leave || err == nil {
			t.Errorf("leave, %d: %v", tc.status, err)
		}
	}
}
