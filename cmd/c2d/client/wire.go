package client

import (
	"context"
	"fmt"
	"net/url"
	"time"
)

// List is one page of anything.
type List[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}

// All reads every page of a list; path has its query already, if any.
func All[T any](ctx context.Context, c *Client, path string, query url.Values) ([]T, error) {
	var all []T
	q := url.Values{"limit": {"500"}}
	for k, v := range query {
		q[k] = v
	}
	for {
		var page List[T]
		if err := c.Get(ctx, path+"?"+q.Encode(), &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return all, nil
		}
		q.Set("cursor", page.Next)
	}
}

// Identifier is another system's key.
type Identifier struct {
	System string `json:"system"`
	Value  string `json:"value"`
}

// User is who signs in and places calls.
type User struct {
	ID          string       `json:"id,omitempty"`
	Login       string       `json:"login"`
	Name        string       `json:"name"`
	Identifiers []Identifier `json:"identifiers,omitempty"`
	DeviceIDs   []string     `json:"device_ids,omitempty"`
}

// Device is what rings for a user.
type Device struct {
	ID       string `json:"id,omitempty"`
	Name     string `json:"name"`
	Kind     string `json:"kind"`
	Backend  string `json:"backend"`
	Address  string `json:"address"`
	Number   string `json:"number,omitempty"`
	Password string `json:"password,omitempty"`
}

// Contact is an entry of the book.
type Contact struct {
	ID         string  `json:"id,omitempty"`
	Kind       string  `json:"kind,omitempty"`
	Name       string  `json:"name"`
	Department string  `json:"department,omitempty"`
	Numbers    []Phone `json:"numbers"`
}

// Phone is one number of a contact.
type Phone struct {
	Use    string `json:"use,omitempty"`
	Number string `json:"number"`
}

// Import is what an import did, or would do.
type Import struct {
	DryRun  bool `json:"dry_run"`
	Rows    int  `json:"rows"`
	Created int  `json:"created"`
	Updated int  `json:"updated"`
	Errors  []struct {
		Line    int    `json:"line"`
		Column  string `json:"column"`
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"errors"`
}

// Key is a credential; Secret comes once, with the answer that made it.
type Key struct {
	ID        string    `json:"id,omitempty"`
	Name      string    `json:"name"`
	Role      string    `json:"role"`
	Scopes    []string  `json:"scopes,omitempty"`
	UserID    string    `json:"user_id,omitempty"`
	Networks  []string  `json:"networks,omitempty"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	RevokedAt time.Time `json:"revoked_at,omitzero"`
	Secret    string    `json:"secret,omitempty"`
}

// Call is the record of a call.
type Call struct {
	ID               string    `json:"id"`
	Version          int64     `json:"version"`
	State            string    `json:"state"`
	Caller           Party     `json:"caller"`
	Callee           Party     `json:"callee"`
	Backend          string    `json:"backend"`
	CreatedAt        time.Time `json:"created_at"`
	CallerAnsweredAt time.Time `json:"caller_answered_at"`
	CalleeAnsweredAt time.Time `json:"callee_answered_at"`
	ConnectedAt      time.Time `json:"connected_at"`
	EndedAt          time.Time `json:"ended_at"`
	End              *End      `json:"end"`
}

// Ended reports whether the record is final.
func (c Call) Ended() bool { return c.State == "ended" }

// Party is one side of a call.
type Party struct {
	Name     string `json:"name"`
	Number   string `json:"number"`
	Attempts []struct {
		Device string `json:"device"`
		Legs   []Leg  `json:"legs"`
	} `json:"attempts"`
}

// Legs returns every leg of the party in order.
func (p Party) Legs() []Leg {
	var all []Leg
	for _, a := range p.Attempts {
		all = append(all, a.Legs...)
	}
	return all
}

// Leg is one phone that rang.
type Leg struct {
	ID         string    `json:"id"`
	State      string    `json:"state"`
	Forwarded  bool      `json:"forwarded"`
	CreatedAt  time.Time `json:"created_at"`
	RingingAt  time.Time `json:"ringing_at"`
	AnsweredAt time.Time `json:"answered_at"`
	EndedAt    time.Time `json:"ended_at"`
	End        *End      `json:"end"`
}

// End is why a call or a leg ended.
type End struct {
	Reason string `json:"reason"`
	Side   string `json:"side"`
	By     string `json:"by"`
	SIP    int    `json:"sip"`
	Text   string `json:"text"`
}

// Place asks for a call in the short form.
func (c *Client) Place(ctx context.Context, caller, callee string) (Call, error) {
	var made Call
	err := c.Post(ctx, "/v1/calls", map[string]string{"caller": caller, "callee": callee}, &made)
	return made, err
}

// Next waits until the call has a version after that of known, at most wait, and returns it as it is then.
func (c *Client) Next(ctx context.Context, known Call, wait time.Duration) (Call, error) {
	var now Call
	path := fmt.Sprintf("/v1/calls/%s?wait=%dms&after=%d", url.PathEscape(known.ID), wait.Milliseconds(), known.Version)
	err := c.Get(ctx, path, &now)
	return now, err
}

// HangUp ends a call in any state.
func (c *Client) HangUp(ctx context.Context, id string) (Call, error) {
	var now Call
	err := c.Post(ctx, "/v1/calls/"+url.PathEscape(id)+"/hangup", nil, &now)
	return now, err
}
