package cli

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"c2d/cmd/c2d/client"
)

type userCmd struct {
	Add    userAddCmd  `cmd:"" help:"Add a user."`
	List   userListCmd `cmd:"" help:"List the users."`
	Device deviceCmd   `cmd:"" help:"What rings for a user."`
}

type userAddCmd struct {
	Login      string `arg:"" help:"Of a-z, 0-9 and . _ -"`
	Name       string `arg:"" help:"As others see it."`
	Identifier string `help:"The HIS's own key of the user." placeholder:"SYSTEM=VALUE"`
	apiFlags
}

// Run adds the user and prints its id.
func (c userAddCmd) Run(ctx context.Context, env Env) error {
	api, err := c.client(env)
	if err != nil {
		return err
	}
	defer api.Close()
	u := client.User{Login: c.Login, Name: c.Name}
	if c.Identifier != "" {
		system, value, ok := strings.Cut(c.Identifier, "=")
		if !ok {
			return fmt.Errorf("--identifier must be SYSTEM=VALUE")
		}
		u.Identifiers = []client.Identifier{{System: system, Value: value}}
	}
	if err := api.Post(ctx, "/v1/users", u, &u); err != nil {
		return err
	}
	_, err = fmt.Fprintln(env.Stdout, u.ID)
	return err
}

type userListCmd struct{ apiFlags }

// Run prints one line for each user.
func (c userListCmd) Run(ctx context.Context, env Env) error {
	api, err := c.client(env)
	if err != nil {
		return err
	}
	defer api.Close()
	users, err := client.All[client.User](ctx, api, "/v1/users", nil)
	if err != nil {
		return err
	}
	rows := [][]string{{"LOGIN", "NAME", "DEVICES", "ID"}}
	for _, u := range users {
		rows = append(rows, []string{u.Login, u.Name, fmt.Sprint(len(u.DeviceIDs)), u.ID})
	}
	return table(env, rows)
}

type deviceCmd struct {
	Add deviceAddCmd `cmd:"" help:"Add a device to a user."`
}

type deviceAddCmd struct {
	Login        string `arg:"" help:"Of the user."`
	Address      string `arg:"" help:"What rings: sip:user@domain, or an extension or number that the backend dials."`
	Name         string `help:"How the user knows it." default:"phone"`
	Kind         string `help:"desk, soft, mobile or pstn; the last two ask for a key press." default:"desk" enum:"desk,soft,mobile,pstn"`
	Number       string `help:"By which others call it."`
	Backend      string `help:"The configured phone system that it lives on." default:"house"`
	PasswordFile string `help:"File with the password to register with, - for standard input. Without it, one is made and printed." placeholder:"FILE"`
	apiFlags
}

// Run adds the device and prints what a phone must be told.
func (c deviceAddCmd) Run(ctx context.Context, env Env) error {
	api, err := c.client(env)
	if err != nil {
		return err
	}
	defer api.Close()
	u, err := findUser(ctx, api, c.Login)
	if err != nil {
		return err
	}
	d := client.Device{Name: c.Name, Kind: c.Kind, Backend: c.Backend, Address: c.Address, Number: c.Number}
	registers := strings.HasPrefix(c.Address, "sip:")
	if registers {
		if d.Password, err = c.password(env); err != nil {
			return err
		}
	}
	password := d.Password
	if err := api.Post(ctx, "/v1/users/"+url.PathEscape(u.ID)+"/devices", d, &d); err != nil {
		return err
	}
	fmt.Fprintln(env.Stdout, d.ID)
	if registers && c.PasswordFile == "" {
		fmt.Fprintln(env.Stdout, "password", password)
	}
	return nil
}

func (c deviceAddCmd) password(env Env) (string, error) {
	if c.PasswordFile == "" {
		return strings.ToLower(rand.Text())[:16], nil
	}
	return passwordIn(env, c.PasswordFile)
}

// passwordIn reads a password from a file, or from standard input if it is called "-".
func passwordIn(env Env, file string) (string, error) {
	var text []byte
	var err error
	if file == "-" {
		text, err = io.ReadAll(io.LimitReader(env.Stdin, 1024))
	} else {
		text, err = os.ReadFile(file)
	}
	return strings.TrimRight(string(text), "\r\n"), err
}

func findUser(ctx context.Context, api *client.Client, login string) (client.User, error) {
	users, err := client.All[client.User](ctx, api, "/v1/users", nil)
	if err != nil {
		return client.User{}, err
	}
	for _, u := range users {
		if u.Login == login {
			return u, nil
		}
	}
	return client.User{}, fmt.Errorf("no user has the login %s", login)
}

type contactsCmd struct {
	Add    contactsAddCmd    `cmd:"" help:"Add a contact."`
	List   contactsListCmd   `cmd:"" help:"List the contacts."`
	Import contactsImportCmd `cmd:"" help:"Add and replace contacts from CSV: all rows, or none."`
}

type contactsAddCmd struct {
	Name       string   `arg:""`
	Numbers    []string `arg:"" help:"The first is called."`
	Department string   `help:"Tells those of one name apart."`
	apiFlags
}

// Run adds the contact and prints its id.
func (c contactsAddCmd) Run(ctx context.Context, env Env) error {
	api, err := c.client(env)
	if err != nil {
		return err
	}
	defer api.Close()
	made := client.Contact{Kind: "person", Name: c.Name, Department: c.Department}
	for _, n := range c.Numbers {
		made.Numbers = append(made.Numbers, client.Phone{Number: n})
	}
	if err := api.Post(ctx, "/v1/contacts", made, &made); err != nil {
		return err
	}
	_, err = fmt.Fprintln(env.Stdout, made.ID)
	return err
}

type contactsListCmd struct {
	Beginning string `arg:"" optional:"" help:"What a name or alias begins with."`
	apiFlags
}

// Run prints one line for each contact.
func (c contactsListCmd) Run(ctx context.Context, env Env) error {
	api, err := c.client(env)
	if err != nil {
		return err
	}
	defer api.Close()
	query := url.Values{}
	if c.Beginning != "" {
		query.Set("q", c.Beginning)
	}
	contacts, err := client.All[client.Contact](ctx, api, "/v1/contacts", query)
	if err != nil {
		return err
	}
	rows := [][]string{{"NAME", "DEPARTMENT", "NUMBERS", "ID"}}
	for _, k := range contacts {
		var numbers []string
		for _, n := range k.Numbers {
			numbers = append(numbers, n.Number)
		}
		rows = append(rows, []string{k.Name, k.Department, strings.Join(numbers, ", "), k.ID})
	}
	return table(env, rows)
}

type contactsImportCmd struct {
	File   string `arg:"" help:"CSV with a header, UTF-8; - for standard input." type:"path"`
	DryRun bool   `help:"Tell what would be done, and write nothing."`
	apiFlags
}

// Run prints what was done, and each row that is wrong; it fails if there is one.
func (c contactsImportCmd) Run(ctx context.Context, env Env) error {
	api, err := c.client(env)
	if err != nil {
		return err
	}
	defer api.Close()
	in := env.Stdin
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return err
		}
		defer f.Close()
		in = f
	}
	var done client.Import
	if err := api.Upload(ctx, fmt.Sprintf("/v1/contacts/import?dry_run=%t", c.DryRun), "text/csv", in, &done); err != nil {
		return err
	}
	for _, e := range done.Errors {
		fmt.Fprintf(env.Stdout, "line %d: %s: %s\n", e.Line, e.Column, e.Message)
	}
	if len(done.Errors) > 0 {
		return fmt.Errorf("nothing was written: %d of %d rows are wrong", len(done.Errors), done.Rows)
	}
	verb := "done"
	if done.DryRun {
		verb = "dry run, nothing written"
	}
	_, err = fmt.Fprintf(env.Stdout, "%s: %d rows, %d new, %d replaced\n", verb, done.Rows, done.Created, done.Updated)
	return err
}
