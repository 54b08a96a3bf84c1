package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"c2d/cmd/c2d/client"
)

// order is a call that a HIS asks for with an idempotency key.
type order struct {
	Key     string `json:"-"`
	Caller  string `json:"caller"`
	Callee  string `json:"callee"`
	Confirm string `json:"confirm,omitempty"`
}

// order asks for a call, and tells whether the key was used before. A refusal is a *[client.Problem].
func (h *house) order(o order) (c client.Call, replayed bool, err error) {
	secret, err := os.ReadFile(filepath.Join(h.dir, "c2d-admin.key"))
	if err != nil {
		return c, false, err
	}
	body, err := json.Marshal(o)
	if err != nil {
		return c, false, err
	}
	req, err := http.NewRequest(http.MethodPost, h.url()+"/v1/calls", bytes.NewReader(body))
	if err != nil {
		return c, false, err
	}
	req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(secret)))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", o.Key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return c, false, err
	}
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		problem := &client.Problem{}
		return c, false, errors.Join(problem, json.NewDecoder(res.Body).Decode(problem))
	}
	return c, res.Header.Get("Idempotent-Replayed") == "true", json.NewDecoder(res.Body).Decode(&c)
}

// place asks for a call, and fails the story when it is refused or was asked for before.
func (h *house) place(o order) client.Call {
	h.t.Helper()
	c, replayed, err := h.order(o)
	if err != nil || replayed {
		h.t.Fatalf("order %s: %v, replayed %v", o.Key, err, replayed)
	}
	return c
}
