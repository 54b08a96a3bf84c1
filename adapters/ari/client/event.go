package client

import (
	"encoding/json"

	"github.com/CyCoreSystems/ari/v5"
)

// Event is what Asterisk tells. Of [ari.Event] it is one of the types there; those that are asked for have the fields that wire
// reads, and no others. The rest is what the types lack.
type Event struct {
	ari.Event
	TechCause int       // ChannelDestroyed, ChannelHangupRequest: the SIP status of a PJSIP channel, 0 for none
	Transfer  *Transfer // ChannelTransfer: a phone asks for one, and the application is to do it; nil for news of one
}

// Transfer is a REFER that Asterisk leaves to the application (PJSIP_TRANSFER_HANDLING is ari-only).
type Transfer struct {
	Channel  string // whose phone asks
	Exten    string // whom it names, of a blind transfer
	Attended bool   // it names a dialog of its own (Replaces)
	Other    string // whose channel that is, if Asterisk knows it
}

// Replaced reports that the application has gone to another connection.
func (e Event) Replaced() bool {
	_, ok := e.Event.(*ari.ApplicationReplaced)
	return ok
}

// Decode reads one event. Errors: for what is no JSON, and for a type that neither the library nor this package knows.
func Decode(raw []byte) (Event, error) {
	var w wire
	if err := json.Unmarshal(raw, &w); err != nil {
		return Event{}, err
	}
	if ev := w.event(); ev != nil {
		return Event{Event: ev, TechCause: w.TechCause, Transfer: w.transfer()}, nil
	}
	ev, err := ari.DecodeEvent(raw)
	if err != nil {
		return Event{}, err
	}
	return Event{Event: ev}, nil
}

// other is an event that the library has no type for.
type other struct{ *ari.EventData }

// Keys implements [ari.Event].
func (other) Keys() ari.Keys { return nil }
