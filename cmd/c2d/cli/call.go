package cli

import (
	"context"
	"fmt"
	"time"

	"c2d/cmd/c2d/client"
)

type callCmd struct {
	Caller      string        `arg:"" help:"Whose phone rings first: a user's login, sip: URI or number with +."`
	Callee      string        `arg:"" help:"Whom to reach: a contact's name, sip: URI or number with +."`
	HangupAfter time.Duration `help:"End the call when it was connected so long, such as 10s." placeholder:"TIME"`
	apiFlags
}

// Run prints each change. It fails unless the two have talked. When ctx ends it ends the call.
func (c callCmd) Run(ctx context.Context, env Env) error {
	api, err := c.client(env)
	if err != nil {
		return err
	}
	defer api.Close()
	now, err := api.Place(ctx, c.Caller, c.Callee)
	if err != nil {
		return err
	}
	fmt.Fprintln(env.Stdout, "call", now.ID)
	end, err := c.follow(ctx, env, api, now)
	if err != nil {
		return err
	}
	if end.Reason != "completed" {
		return fmt.Errorf("the call ended: %s", end.Reason)
	}
	return nil
}

// follow prints states until the end, which it returns.
func (c callCmd) follow(ctx context.Context, env Env, api *client.Client, now client.Call) (client.End, error) {
	var deadline time.Time
	for printed := ""; ; {
		if now.State != printed {
			fmt.Fprintln(env.Stdout, line(now))
			printed = now.State
		}
		if now.Ended() && now.End != nil {
			return *now.End, nil
		}
		if now.State == "connected" && deadline.IsZero() && c.HangupAfter > 0 {
			deadline = time.Now().Add(c.HangupAfter)
		}
		next, err := c.step(ctx, api, now, deadline)
		if err != nil {
			return client.End{}, err
		}
		now = next
	}
}

// step waits for the next change, and hangs up when it is time to, or when ctx ends.
func (c callCmd) step(ctx context.Context, api *client.Client, now client.Call, deadline time.Time) (client.Call, error) {
	wait := 5 * time.Second
	if !deadline.IsZero() {
		wait = min(wait, time.Until(deadline))
	}
	if wait > 0 {
		next, err := api.Next(ctx, now, wait)
		if ctx.Err() == nil {
			return next, err
		}
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return api.HangUp(last, now.ID)
}

// line says when a call came to its state, and how it ended.
func line(c client.Call) string {
	text := fmt.Sprintf("%s  %s", time.Now().UTC().Format("15:04:05.000"), c.State)
	if c.End == nil {
		return text
	}
	text += ": " + c.End.Reason + " by " + c.End.By
	if c.End.SIP != 0 {
		text += fmt.Sprintf(" (SIP %d)", c.End.SIP)
	}
	return text
}
