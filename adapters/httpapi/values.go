package httpapi

import (
	"slices"

	"c2d/core/access"
	"c2d/core/call"
	"c2d/core/event"
	"c2d/core/fault"
	"c2d/core/identity"
)

// knownValues returns the words that a field of an answer holds today, for the document; nil for a field that is free.
// A test compares them with the constants of core.
func knownValues(schema, field string) []string {
	switch schema + "." + field {
	case "CallView.state":
		return words(call.Queued, call.RingingCaller, call.Confirming, call.RingingCallee, call.Connecting, call.Connected, call.Ended)
	case "CallView.flags":
		return words(call.Unsure, call.Recovered, call.Adopted, call.Outside)
	case "CallView.can":
		return []string{"hangup"}
	case "EndView.reason", "CauseView.reason":
		return words(call.Completed, call.Cancelled, call.NoAnswer, call.Busy, call.Rejected, call.Unreachable, call.InvalidNumber,
			call.Forbidden, call.Blocked, call.Congestion, call.MediaFailed, call.NotConfirmed, call.Forwarded, call.Transferred,
			call.MaxDuration, call.BackendFailed, call.Lost, call.AnsweredElsewhere)
	case "EndView.side":
		return words(call.CallerSide, call.CalleeSide)
	case "EndView.by":
		return words(call.ByCaller, call.ByCallee, call.ByAPI, call.BySystem, call.ByBackend)
	case "LegView.state":
		return words(call.LegIntended, call.LegTrying, call.LegRinging, call.LegEarly, call.LegOffered, call.LegAnswered, call.LegEnded)
	case "RecordingView.state":
		return words(call.RecordStarting, call.RecordRunning, call.RecordStopping, call.RecordEnded, call.RecordFailed)
	case "EventView.kind":
		return words(event.CallCreated, event.CallChanged, event.CallRinging, event.CallAnswered, event.CallConnected, event.CallRecording, event.CallEnded,
			event.UserChanged, event.DeviceChanged, event.BookChanged, event.KeyChanged, event.BackendLost, event.BackendUp, event.WebhookChanged, event.WebhookDisabled)
	case "PhoneView.kind":
		return words(identity.Extension, identity.Short, identity.National, identity.E164)
	case "Resolution.reachable":
		return []string{"yes", "no"}
	case "KeyView.role":
		return words(access.SystemAdmin, access.SecurityAdmin, access.AuditAdmin, access.System, access.User)
	case "KeyView.scopes", "CreateKeyInputBody.scopes":
		return words(access.PlaceCalls, access.ReadCalls, access.ControlCalls, access.RecordCalls, access.Resolve, access.ReadBook, access.WriteBook,
			access.ReadUsers, access.WriteUsers, access.ReadEvents, access.WriteKeys, access.WriteAdmins, access.CreateTokens,
			access.ReadAudit, access.ReadReadiness, access.WriteWebhooks, access.ReloadConfig)
	case "Problem.code", "ProblemError.code":
		return slices.Sorted(slices.Values(append(words(fault.Codes()...), codeMethod)))
	}
	return nil
}

func words[S ~string](values ...S) []string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = string(v)
	}
	return all
}
