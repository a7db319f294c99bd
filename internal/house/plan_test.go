package house

import "strings"

// A room is the place of one package in the house.
type room struct {
	floor  int
	pure   bool     // no goroutine, lock, socket, file, clock or chance
	guest  bool     // sees only what users of this module see
	tests  bool     // may be imported by test files alone, and by those for tests that it is beside
	beside []string // neighbours on the same floor that it may import
}

// A plan gives each package, by its folder, a room. A key that ends in "/..."
// holds for all folders below it.
type plan map[string]room

// floors is the plan of this module. ARCHITECTURE.md draws it and says why.
var floors = plan{
	"cmd/postrider":                     {floor: 6, beside: []string{"cmd/postrider/internal/evaluation", "cmd/postrider/internal/load", "cmd/postrider/internal/probe", "cmd/postrider/internal/screen", "cmd/postrider/internal/tour", "cmd/postrider/internal/ways"}},
	"cmd/postrider/internal/child":      {floor: 6},
	"cmd/postrider/internal/evaluation": {floor: 6, beside: []string{"cmd/postrider/internal/load", "cmd/postrider/internal/screen", "cmd/postrider/internal/ways"}},
	"cmd/postrider/internal/load":       {floor: 6, beside: []string{"cmd/postrider/internal/child", "cmd/postrider/internal/probe", "cmd/postrider/internal/screen", "cmd/postrider/internal/ways"}},
	"cmd/postrider/internal/probe":      {floor: 6},
	"cmd/postrider/internal/screen":     {floor: 6},
	"cmd/postrider/internal/tour":       {floor: 6, beside: []string{"cmd/postrider/internal/child", "cmd/postrider/internal/screen", "cmd/postrider/internal/ways"}},
	"cmd/postrider/internal/ways":       {floor: 6},
	"examples/...":                      {floor: 6, guest: true, beside: []string{"coord", "postriderotel"}},

	"coord":         {floor: 6, guest: true},
	"postriderotel": {floor: 6, guest: true},
	"postriderprom": {floor: 6, guest: true},
	"postridertest": {floor: 6, tests: true},

	".": {floor: 5},

	"brokerprom":      {floor: 5, beside: []string{"internal/scrape"}},
	"internal/scrape": {floor: 5},

	"broker":          {floor: 4, beside: []string{"internal/server", "internal/admin"}},
	"internal/client": {floor: 4},
	"internal/server": {floor: 4},
	"internal/admin":  {floor: 4, beside: []string{"internal/server"}},

	"internal/core":        {floor: 3},
	"internal/outbox":      {floor: 3},
	"internal/marks":       {floor: 3},
	"internal/definitions": {floor: 3, beside: []string{"internal/core"}},

	"internal/journal": {floor: 2},
	"internal/link":    {floor: 2},
	"internal/access":  {floor: 2},
	"internal/seal":    {floor: 2, pure: true},

	"internal/policy":  {floor: 1, pure: true},
	"internal/queue":   {floor: 1, pure: true},
	"internal/route":   {floor: 1, pure: true},
	"internal/session": {floor: 1, pure: true},
	"internal/signer":  {floor: 1},
	"internal/ballast": {floor: 1},

	"amqp":              {floor: 0, pure: true},
	"amqp/internal/gen": {floor: 0},
	"internal/pack":     {floor: 0, pure: true},
	"internal/disk":     {floor: 0},
	"internal/machine":  {floor: 0},
	"internal/socket":   {floor: 0},
	"internal/lru":      {floor: 0, pure: true},
	"internal/pattern":  {floor: 0},
	"internal/measure":  {floor: 0},
	"internal/plot":     {floor: 0},

	"internal/sim":       {floor: 6, tests: true},
	"internal/planted":   {floor: 6, tests: true},
	"internal/behaviour": {floor: 6, tests: true, beside: []string{"postridertest"}},
	"internal/rabbitmq":  {floor: 6, tests: true},
	"internal/house":     {floor: 0},
}

// find returns the room of the package in folder dir.
func (p plan) find(dir string) (room, bool) {
	if r, ok := p[dir]; ok {
		return r, true
	}
	for key, r := range p {
		if below, ok := strings.CutSuffix(key, "..."); ok && strings.HasPrefix(dir, below) {
			return r, true
		}
	}
	return room{}, false
}

// public reports whether users of the module can import the package in dir.
func public(dir string) bool {
	return !strings.Contains("/"+dir+"/", "/internal/")
}
