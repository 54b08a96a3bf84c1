package main

import (
	"testing"

	"c2d/test/pbx"
)

// FreeSWITCH's own click-to-dial, with which we are compared, brings two phones together and lets both go.
func TestFreeSWITCHsOwnClick(t *testing.T) {
	p, err := newPhones()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close) // after FreeSWITCH
	h, hangUp, err := atFreeSWITCH(t.Context(), pbx.StartFreeSWITCH(t, pbx.Exchange{Files: []pbx.File{directory(p, answers, goes)}}), nil, p)
	if err != nil {
		t.Fatal(err)
	}
	defer hangUp()
	clicksByItself(t, h)
}
