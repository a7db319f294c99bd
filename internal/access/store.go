package access

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// A Store keeps records of the three kinds below; a virtual host's go when it does. Save and Forget return when that is
// safe.
type Store interface {
	Records(kind string) []Record
	Save(context.Context, Record) error
	Forget(context.Context, Record) error // by all but its value
}

// A Record is a user, a permission or a topic permission as it is kept.
type Record struct {
	Kind  string
	VHost string // empty for a user
	Name  string // of the user; of a topic permission with NUL and the exchange behind it
	Value []byte // JSON
}

// The kinds of record. They are written to disk: never rename.
const (
	kindUser  = "user"             // {"tags":[…],"hash":"…","algorithm":"…","guest":true,"limits":{…}}
	kindGrant = "permission"       // {"configure":"…","write":"…","read":"…"}
	kindTopic = "topic-permission" // {"write":"…","read":"…"}
)

type userValue struct {
	Tags      []string `json:"tags,omitempty"`
	Hash      string   `json:"hash,omitempty"`
	Algorithm string   `json:"algorithm,omitempty"`
	Guest     bool     `json:"guest,omitempty"` // the password is no secret
	Limits    Limits   `json:"limits,omitzero"`
}

type grantValue struct {
	Configure string `json:"configure"`
	Write     string `json:"write"`
	Read      string `json:"read"`
}

type topicValue struct {
	Write string `json:"write"`
	Read  string `json:"read"`
}

// value cannot fail: it is given texts and numbers.
func value(v any) []byte {
	b, _ := json.Marshal(v)
	return b
}

func (a *account) record() Record {
	return Record{Kind: kindUser, Name: a.name, Value: value(userValue{a.tags, a.hash.text(), a.hash.algorithm, a.open, a.limits})}
}

func (p *Permission) record() Record {
	return Record{kindGrant, p.VHost, p.User, value(grantValue{p.Configure, p.Write, p.Read})}
}

func (p *TopicPermission) record() Record {
	return Record{kindTopic, p.VHost, p.User + "\x00" + p.Exchange, value(topicValue{p.Write, p.Read})}
}

// recordsOf are those of a user, himself last.
func (u *Users) recordsOf(name string) (list []Record) {
	for _, p := range u.TopicPermissions() {
		if p.User == name {
			list = append(list, p.record())
		}
	}
	for _, p := range u.Permissions() {
		if p.User == name {
			list = append(list, p.record())
		}
	}
	return append(list, Record{Kind: kindUser, Name: name})
}

// Load takes what a store keeps, and keeps what changes there from now on. It is called once, before anybody logs in. An
// error names what cannot be understood; the rest is there nevertheless.
func (u *Users) Load(s Store) error {
	u.store = s
	var first error
	for kind, load := range map[string]func(Record) error{kindUser: u.loadUser, kindGrant: u.loadGrant, kindTopic: u.loadTopic} {
		for _, r := range s.Records(kind) {
			if err := load(r); err != nil && first == nil {
				first = fmt.Errorf("access: %s %q in vhost %q: %w", r.Kind, r.Name, r.VHost, err)
			}
		}
	}
	return first
}

func (u *Users) loadUser(r Record) error {
	var v userValue
	if err := json.Unmarshal(r.Value, &v); err != nil {
		return err
	}
	if now, ok := u.find(r.Name); ok && now.configured {
		return nil // the configuration goes before what is kept
	}
	hash, err := parseHash(v.Algorithm, v.Hash)
	if err != nil {
		return err
	}
	u.set(&account{name: r.Name, tags: v.Tags, hash: hash, open: v.Guest && r.Name == guestName, limits: v.Limits})
	return nil
}

func (u *Users) loadGrant(r Record) error {
	var v grantValue
	if err := json.Unmarshal(r.Value, &v); err != nil {
		return err
	}
	g, err := Permission{r.Name, r.VHost, v.Configure, v.Write, v.Read}.compile()
	if err != nil {
		return err
	}
	u.grants[place{r.VHost, r.Name}] = g
	return nil
}

func (u *Users) loadTopic(r Record) error {
	var v topicValue
	if err := json.Unmarshal(r.Value, &v); err != nil {
		return err
	}
	user, exchange, _ := strings.Cut(r.Name, "\x00")
	g, err := TopicPermission{user, r.VHost, exchange, v.Write, v.Read}.compile()
	if err != nil {
		return err
	}
	u.topics[g.place()] = g
	return nil
}

func (u *Users) save(ctx context.Context, r Record) error {
	if u.store == nil {
		return nil
	}
	return u.store.Save(ctx, r)
}

func (u *Users) forget(ctx context.Context, r Record) error {
	if u.store == nil {
		return nil
	}
	return u.store.Forget(ctx, r)
}
