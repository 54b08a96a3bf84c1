package client_test

import (
	"testing"

	"c2d/adapters/ari/client"
)

// TestTransfer reads what Asterisk 22.10 sends, less what nobody reads.
func TestTransfer(t *testing.T) {
	const by = `"referred_by":{"source_channel":{"id":"a"},"connected_channel":{"id":"b"},"bridge":{"id":"x"}},"application":"c2d-here-n1"`
	for _, row := range []struct {
		name, raw string
		want      *client.Transfer
	}{
		{"blind", `{"type":"ChannelTransfer","refer_to":{"requested_destination":{"destination":"103"}},` + by + `}`, &client.Transfer{Channel: "a", Exten: "103"}},
		{"attended", `{"type":"ChannelTransfer","refer_to":{"requested_destination":{"destination":"anonymous","protocol_id":"273777bd"},` +
			`"destination_channel":{"id":"c"}},` + by + `}`, &client.Transfer{Channel: "a", Exten: "anonymous", Attended: true, Other: "c"}},
		{"attended, of a dialog that is not Asterisk's", `{"type":"ChannelTransfer","refer_to":{"requested_destination":{"protocol_id":"273777bd"}},` + by + `}`,
			&client.Transfer{Channel: "a", Attended: true}},
		{"what we have told", `{"type":"ChannelTransfer","state":"channel_answered","refer_to":{"requested_destination":{"destination":"103"}},` + by + `}`, nil},
	} {
		ev, err := client.Decode([]byte(row.raw))
		switch {
		case err != nil:
			t.Errorf("%s: %v", row.name, err)
		case (ev.Transfer == nil) != (row.want == nil), ev.Transfer != nil && *ev.Transfer != *row.want:
			t.Errorf("%s: %+v", row.name, ev.Transfer)
		}
	}
}
