package asterisktest

import (
	"encoding/json"
	"net/http"
	"strings"
)

// routes are the requests that are understood.
func (a *Asterisk) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ari/events", a.events)
	for pattern, answer := range map[string]func(*http.Request) (int, any){
		"GET /ari/asterisk/info":                    a.info,
		"PUT /ari/applications/{app}/eventFilter":   a.filter,
		"POST /ari/applications/{app}/subscription": a.subscribe,
		"GET /ari/channels":                         a.listChannels,
		"POST /ari/channels/create":                 a.create,
		"DELETE /ari/channels/{id}":                 a.onChannel(a.delete),
		"POST /ari/channels/{id}/dial":              a.onChannel(a.dial),
		"POST /ari/channels/{id}/answer":            a.onChannel(a.answer),
		"POST /ari/channels/{id}/ring":              a.onChannel(a.ring),
		"POST /ari/channels/{id}/continue":          a.onChannel(a.goOn),
		"POST /ari/channels/{id}/dtmf":              a.onChannel(a.dtmf),
		"GET /ari/channels/{id}/variable":           a.onChannel(a.variable),
		"POST /ari/channels/{id}/variable":          a.onChannel(a.setVariable),
		"POST /ari/channels/{id}/play/{play}":       a.onChannel(a.play),
		"GET /ari/bridges":                          a.listBridges,
		"POST /ari/bridges/{id}":                    a.makeBridge,
		"DELETE /ari/bridges/{id}":                  a.onBridge(a.dropBridge),
		"POST /ari/bridges/{id}/addChannel":         a.onBridge(a.addChannel),
		"POST /ari/bridges/{id}/removeChannel":      a.onBridge(a.removeChannel),
		"POST /ari/bridges/{id}/play/{play}":        a.onBridge(a.playInto),
		"POST /ari/bridges/{id}/record":             a.onBridge(a.record),
		"GET /ari/recordings/live/{name}":           a.onRecording(true, a.live),
		"POST /ari/recordings/live/{name}/stop":     a.onRecording(true, a.stopRecording),
		"POST /ari/recordings/live/{name}/mute":     a.onRecording(true, a.mute),
		"DELETE /ari/recordings/live/{name}/mute":   a.onRecording(true, a.mute),
		"GET /ari/recordings/stored":                a.stored,
		"GET /ari/recordings/stored/{name}/file":    a.onRecording(false, a.file),
		"DELETE /ari/recordings/stored/{name}":      a.onRecording(false, a.forget),
		"DELETE /ari/playbacks/{id}":                a.stopPlaying,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { a.serve(w, r, answer) })
	}
	return mux
}

// allowed returns the status with which a request is refused, 0 for none.
func (a *Asterisk) allowed(r *http.Request) int {
	if user, password, _ := r.BasicAuth(); user != Username || password != Password {
		return http.StatusUnauthorized
	}
	if a.Before == nil {
		return 0
	}
	return a.Before(r)
}

func (a *Asterisk) serve(w http.ResponseWriter, r *http.Request, answer func(*http.Request) (int, any)) {
	status, body := a.allowed(r), any(nil)
	if status == 0 {
		a.mu.Lock()
		status, body = answer(r)
		a.mu.Unlock()
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	switch body := body.(type) {
	case nil:
	case []byte:
		_, _ = w.Write(body)
	default:
		_ = json.NewEncoder(w).Encode(body)
	}
}

func says(text string) map[string]string { return map[string]string{"message": text} }

func (a *Asterisk) onChannel(do func(*http.Request, *channel) (int, any)) func(*http.Request) (int, any) {
	return func(r *http.Request) (int, any) {
		if c := a.channel(r.PathValue("id")); c != nil {
			return do(r, c)
		}
		return http.StatusNotFound, says("Channel not found")
	}
}

func (a *Asterisk) onBridge(do func(*http.Request, *bridge) (int, any)) func(*http.Request) (int, any) {
	return func(r *http.Request) (int, any) {
		if b := a.bridge(r.PathValue("id")); b != nil {
			return do(r, b)
		}
		return http.StatusNotFound, says("Bridge not found")
	}
}

func (a *Asterisk) info(*http.Request) (int, any) {
	return http.StatusOK, map[string]any{"system": map[string]any{"version": "22.10.1", "entity_id": "02:fc:00:00:00:01"}}
}

func (a *Asterisk) onApp(r *http.Request, do func(*app)) (int, any) {
	x := a.apps[r.PathValue("app")]
	if x == nil {
		return http.StatusNotFound, says("Application not found")
	}
	do(x)
	return http.StatusOK, map[string]any{"name": x.name}
}

func (a *Asterisk) filter(r *http.Request) (int, any) {
	var f struct{ Allowed []struct{ Type string } }
	if json.NewDecoder(r.Body).Decode(&f) != nil {
		return http.StatusBadRequest, says("Invalid request body")
	}
	return a.onApp(r, func(x *app) {
		x.allowed = nil
		for _, t := range f.Allowed {
			x.allowed = append(x.allowed, t.Type)
		}
	})
}

func (a *Asterisk) subscribe(r *http.Request) (int, any) {
	id, _ := strings.CutPrefix(r.URL.Query().Get("eventSource"), "channel:")
	if a.apps[r.PathValue("app")] != nil && a.channel(id) == nil {
		return http.StatusUnprocessableEntity, says("Event source does not exist")
	}
	return a.onApp(r, func(x *app) { x.hears[id] = true })
}
