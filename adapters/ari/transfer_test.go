package ari

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/CyCoreSystems/ari/v5"

	"c2d/adapters/ari/client"
	"c2d/core/call"
	"c2d/core/fault"
)

// clicks decides about transfers when the test says so.
type clicks struct {
	call.Clicks
	asked  chan call.Asked
	answer chan error
}

func (c *clicks) Transfer(_ context.Context, _ string, a call.Asked) (call.Call, error) {
	c.asked <- a
	return call.Call{}, <-c.answer
}

// A phone says BYE before its transfer is decided: its end waits, and it is told nothing else before.
func TestByeBeforeTransferIsDecided(t *testing.T) {
	outcomes := make(chan string, 1)
	b, told := connected(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/transfer_progress") {
			outcomes <- r.URL.Query().Get("states")
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	c := &clicks{asked: make(chan call.Asked, 1), answer: make(chan error)}
	b.Use(c)
	for _, row := range []struct {
		err  error
		want string
	}{{nil, client.TransferDone}, {fault.New(fault.CodeConflict, "they do not talk"), client.TransferDeclined}, {fault.New(fault.CodeNotFound, "nobody"), client.TransferFailed}} {
		id := b.origin.LegID() + "-1"
		l := &leg{id: id, address: "101", state: call.LegAnswered, up: true, made: true, dialled: true}
		l.end.answered = true
		b.add(l)
		b.hear(client.Event{Transfer: &client.Transfer{Channel: id, Exten: "103"}})
		if a := <-c.asked; a.From != "101" || a.To != "103" {
			t.Errorf("asked %+v", a)
		}
		b.hear(client.Event{Event: &ari.ChannelDestroyed{Channel: ari.ChannelData{ID: id}, Cause: 16}})
		if len(told) != 0 || len(outcomes) != 0 {
			t.Error("told before the decision")
		}
		c.answer <- row.err
		if got := <-outcomes; got != row.want {
			t.Errorf("the phone is told %s, want %s", got, row.want)
		}
		if ev := told.next(t); ev.Kind != call.EvEnded || ev.Cause.Reason != call.Completed {
			t.Errorf("%+v", ev)
		}
	}
}

// Who is no leg of ours transfers nobody.
func TestTransferByAStranger(t *testing.T) {
	outcomes := make(chan string, 1)
	b, _ := connected(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		outcomes <- r.URL.Query().Get("states")
		w.WriteHeader(http.StatusNoContent)
	}))
	b.Use(&clicks{})
	for _, x := range []client.Transfer{{Channel: "stranger", Exten: "103"}, {Channel: "stranger", Attended: true, Other: "x"}} {
		b.hear(client.Event{Transfer: &x})
		if got := <-outcomes; got != client.TransferDeclined {
			t.Error(got)
		}
	}
}
