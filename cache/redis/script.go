package rediscache

import (
	"time"

	"github.com/redis/go-redis/v9"
)

// How long the numbers live that tokens are made of. A load may find them gone at any time, since those that its miss found
// are not prolonged; then it is not stored, which makes nothing wrong.
const (
	madeFor = 10 * time.Minute // from the miss that made them
	longer  = 10 * time.Minute // than an entry that was stored with them, where they would not have outlived it
)

// makeNumbers returns the numbers that are under KEYS. Where there is none it puts that of ARGV, for ARGV[1] milliseconds.
var makeNumbers = redis.NewScript(`
local numbers = {}
for i, key in ipairs(KEYS) do
	local number = redis.pcall('GET', key)
	if type(number) ~= 'string' or #number > 19 or not string.find(number, '^%d+$') then
		number = ARGV[i + 1]
		redis.call('SET', key, number, 'PX', ARGV[1])
	end
	numbers[i] = number
end
return numbers`)

// invalidate removes the first ARGV[1] of KEYS, and increments the others. What is not there is not made: whoever comes
// later makes a number that nobody knows. What cannot be incremented is removed, which does as well.
var invalidate = redis.NewScript(`
local values = tonumber(ARGV[1])
for i, key in ipairs(KEYS) do
	if i <= values or redis.call('EXISTS', key) == 1 and type(redis.pcall('INCR', key)) ~= 'number' then
		redis.call('DEL', key)
	end
end
return 1`)

// store stores entries whose tokens are what they were, and returns how many. KEYS are the generations that the entries
// depend on, and then the value and the marker of each entry. ARGV are the number of these generations, how much longer than
// an entry its numbers are to live, what the generations must be, and then of each entry what its marker must be, its TTL,
// the indexes of its generations, and the entry itself; an empty one is a value that cannot be stored, and only removes what
// is there.
var store = redis.NewScript(`
local generations, longer = tonumber(ARGV[1]), ARGV[2]
local same, ttls = {}, {}
for i = 1, generations do
	same[i] = redis.pcall('GET', KEYS[i]) == ARGV[2 + i]
	ttls[i] = 0
end
local function outlive(key, ttl)
	if redis.call('PTTL', key) < ttl then
		redis.call('PEXPIRE', key, ttl + longer)
	end
end
local stored, arg = 0, 2 + generations
for k = generations + 1, #KEYS, 2 do
	local value, marker, ttl, entry = KEYS[k], KEYS[k + 1], tonumber(ARGV[arg + 2]), ARGV[arg + 4]
	local good = redis.pcall('GET', marker) == ARGV[arg + 1]
	for i in string.gmatch(ARGV[arg + 3], '%d+') do
		good = good and same[tonumber(i)]
	end
	if good and entry == '' then
		redis.call('DEL', value)
	elseif good then
		redis.call('SET', value, entry, 'PX', ttl)
		outlive(marker, ttl)
		for i in string.gmatch(ARGV[arg + 3], '%d+') do
			ttls[tonumber(i)] = math.max(ttls[tonumber(i)], ttl)
		end
		stored = stored + 1
	end
	arg = arg + 4
end
for i = 1, generations do
	if ttls[i] > 0 then
		outlive(KEYS[i], ttls[i])
	end
end
return stored`)
