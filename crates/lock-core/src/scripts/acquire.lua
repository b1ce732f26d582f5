-- Takes every lock key or none, for one attempt of one owner. Repeating it with the same attempt changes nothing but the time left.
-- KEYS  `stride` per lock: the lock key; with 5 its slot's fencing counter, its hold record, its "polled" mark, its queue.
-- ARGV  1 owner, 2 lease in ms ('0': none), 3 stride; with 5: 4 '1': sync the counters to the server's TIME in microseconds (first use on
--       this connection), 5 attempt id, 6 '1': the caller is promised the lock's end, 7 '1': the caller will ask again.
-- Reply {1, token, ...} held, one token per lock (none with stride 1); then -1 if this attempt joined what its owner held before (with
--       stride 1 also if it may have: an attempt that asks again is not known there);
--       {0, index, ...} refused, nothing taken: each index (from 0) names a lock that is another's, or is left alone for others.
local owner, lease = ARGV[1], ARGV[2]
local unique = string.sub(owner, 1, 8) == 'execute:'

-- The common path first, without what only the others need: one key of execute, free, its counter alive.
if ARGV[3] == '5' and not KEYS[6] and unique and redis.call('EXISTS', KEYS[4], KEYS[5]) == 0 then
  if redis.call('SET', KEYS[1], owner, 'NX', 'PX', lease) then
    local token = redis.pcall('INCRBY', KEYS[2], '1')
    if type(token) == 'number' and token >= 1e15 and ARGV[4] ~= '1' then return {1, token} end
    -- Nothing is rolled back by itself: a counter that cannot be raised must not leave the key locked.
    redis.call('DEL', KEYS[1])
    if type(token) ~= 'number' then return token end
  end
end

--@ token
--@ moved
--@ record
--@ turn

local stride, attempt, waits = tonumber(ARGV[3]), ARGV[5] or '', ARGV[7] == '1'

local function set(i, attempts, token, ms)
  local timed = ms ~= '0'
  if timed then redis.call('SET', KEYS[i], owner, 'PX', ms) else redis.call('SET', KEYS[i], owner) end
  if stride == 5 and not unique then
    local record = promise(attempts, ARGV[6] == '1') .. ':' .. string.format('%.0f', token) .. ':' .. (timed and '1' or '0')
    redis.call('SET', KEYS[i + 2], record, 'PX', record_ms(ms))
  end
end

-- Whether an owner that is not this one will hand over at its release, or poll again soon.
local function is_ours(i, holder)
  if string.sub(holder, 1, 6) == 'grant:' then return true end
  if string.sub(holder, 1, 8) == 'execute:' then return string.sub(holder, 23, 23) == '8' end
  return record_of(KEYS[i], KEYS[i + 2]) ~= nil
end

local attempts, tokens, leases, refused, joined = {}, {}, {}, {0}, false
for i = 1, #KEYS, stride do
  local holder = redis.call('GET', KEYS[i])
  local free = not holder
  attempts[i], leases[i] = attempt, lease
  -- Those in the queue know nothing of us yet: from the next time on they poll, and have their turns.
  if stride == 5 and waits and redis.call('EXISTS', KEYS[i + 4]) == 1 then
    redis.pcall('SET', KEYS[i + 3], '+', 'NX', 'PX', MARK_MS)
  end
  if free and stride == 5 and waits and not may_take(KEYS[i + 3], true, false) then
    refused[#refused + 1] = (i - 1) / stride
  elseif not free then
    local named, token
    if holder == owner and stride == 5 and not unique then named, token = record_of(KEYS[i], KEYS[i + 2]) end
    local mine = named and names(named, attempt)
    if holder ~= owner or (owner == '*' and not mine) then
      refused[#refused + 1] = (i - 1) / stride
      if stride == 5 and waits then mark_polled(KEYS[i + 3], is_ours(i, holder), true) end
    else
      -- What this owner held before stays the earlier attempts', too, so that undoing this one leaves it alone.
      leases[i], tokens[i] = time_left(KEYS[i], named, lease), token
      if mine then
        attempts[i] = asked_again(KEYS[i + 2], named, attempt, leases[i])
      else
        attempts[i] = stride == 5 and not unique and join(KEYS[i], KEYS[i + 2], named, attempt, leases[i]) or ''
      end
      joined = joined or not unique and not mine
    end
  end
end
if #refused > 1 then return refused end

-- Counters first: the first write is the one that can fail cleanly.
for i = 1, #KEYS, stride do
  -- Raised also where the token is known: the caller takes this for the counter's first use.
  local sync = ARGV[4] == '1'
  if stride > 1 and (sync or not tokens[i]) then
    local token = next_token(KEYS[i + 1], sync)
    tokens[i] = tokens[i] or token
  end
end
local reply = {1}
for i = 1, #KEYS, stride do
  set(i, attempts[i], tokens[i], leases[i])
  reply[#reply + 1] = tokens[i]
end
if joined then reply[#reply + 1] = -1 end
return reply
