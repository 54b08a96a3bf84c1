package client

import "github.com/CyCoreSystems/ari/v5"

// wire is what is read of an event, whatever its type. The library reads each event three times, and each channel in it twice
// more, with all that nobody asks for; at some twenty events for a call that was a tenth of its cost.
type wire struct {
	Type        string `json:"type"`
	Application string `json:"application"`

	Args       []string `json:"args"`
	Channel    channel  `json:"channel"`
	Replaced   channel  `json:"replace_channel"` // of StasisStart: in whose place it is now
	Peer       channel  `json:"peer"`
	Caller     channel  `json:"caller"`
	Dialstatus string   `json:"dialstatus"`
	Forward    string   `json:"forward"`
	Cause      int      `json:"cause"`
	TechCause  int      `json:"tech_cause"`
	Digit      string   `json:"digit"`
	Bridge     struct {
		ID       string   `json:"id"`
		Channels []string `json:"channels"`
	} `json:"bridge"`
	Playback struct {
		ID string `json:"id"`
	} `json:"playback"`

	State   string `json:"state"` // of a transfer: what it has come to, which we have told ourselves
	ReferTo struct {
		Requested struct {
			Destination string `json:"destination"`
			ProtocolID  string `json:"protocol_id"` // the Call-ID in Replaces
		} `json:"requested_destination"`
		Destination channel `json:"destination_channel"`
	} `json:"refer_to"`
	ReferredBy struct {
		Source channel `json:"source_channel"`
	} `json:"referred_by"`
}

// channel is what is read of a channel.
type channel struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	State string `json:"state"`
}

func (c channel) data() ari.ChannelData {
	return ari.ChannelData{ID: c.ID, Name: c.Name, State: c.State}
}

// event returns the event, with what is read of it; nil for a type that is left to the library.
func (w *wire) event() ari.Event {
	about, of := ari.EventData{Type: w.Type, Application: w.Application}, w.Channel.data()
	switch w.Type {
	case "StasisStart":
		return &ari.StasisStart{EventData: about, Channel: of, Args: w.Args, ReplaceChannel: w.Replaced.data()}
	case "StasisEnd":
		return &ari.StasisEnd{EventData: about, Channel: of}
	case "Dial":
		return &ari.Dial{EventData: about, Caller: w.Caller.data(), Peer: w.Peer.data(), Dialstatus: w.Dialstatus, Forward: w.Forward}
	case "ChannelStateChange":
		return &ari.ChannelStateChange{EventData: about, Channel: of}
	case "ChannelHangupRequest":
		return &ari.ChannelHangupRequest{EventData: about, Channel: of, Cause: w.Cause}
	case "ChannelDestroyed":
		return &ari.ChannelDestroyed{EventData: about, Channel: of, Cause: w.Cause}
	case "ChannelDtmfReceived":
		return &ari.ChannelDtmfReceived{EventData: about, Channel: of, Digit: w.Digit}
	case "ChannelHold":
		return &ari.ChannelHold{EventData: about, Channel: of}
	case "ChannelUnhold":
		return &ari.ChannelUnhold{EventData: about, Channel: of}
	case "ChannelEnteredBridge":
		return &ari.ChannelEnteredBridge{EventData: about, Channel: of, Bridge: ari.BridgeData{ID: w.Bridge.ID, ChannelIDs: w.Bridge.Channels}}
	case "PlaybackFinished":
		return &ari.PlaybackFinished{EventData: about, Playback: ari.PlaybackData{ID: w.Playback.ID}}
	case "ChannelTransfer":
		return other{&about}
	}
	return nil
}

// transfer returns what a phone asks for; nil for any other event, and for news of a transfer.
func (w *wire) transfer() *Transfer {
	if w.Type != "ChannelTransfer" || w.State != "" {
		return nil
	}
	to := w.ReferTo
	return &Transfer{Channel: w.ReferredBy.Source.ID, Exten: to.Requested.Destination, Attended: to.Requested.ProtocolID != "", Other: to.Destination.ID}
}
