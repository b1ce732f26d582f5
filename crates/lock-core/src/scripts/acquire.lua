-- Takes every lock key or none, for one attempt of one owner. A repetition with the same attempt changes only the time left.
-- KEYS  `stride` per lock: the lock key; with stride 5 also its slot's fencing counter, its hold record, its "polled" mark, its queue.
-- ARGV  1 owner, 2 lease in ms ('0': none), 3 stride; with stride 5: 4 '1': sync the counters to the server's TIME in microseconds (first use on
--       this connection), 5 attempt id, 6 '1': the caller is promised the lock's end, 7 '1': the caller will ask again.
-- Reply {1, token, ...} held, one token per lock (none with stride 1); then -1 if this attempt joined what its owner held before (with
--       stride 1 also if it may have: an attempt that asks again is not known there);
--       {0, index, ...} refused, nothing taken: each index (from 0) names a lock that another owner holds, or that is left alone for others.
local owner, lease = ARGV[1], ARGV[2]
local unique = string.sub(owner, 1, 8) == 'execute:'

-- The common case first, without the code of the other cases: one key of execute, free, its counter alive.
if ARGV[3] == '5' and not KEYS[6] and unique and redis.call('EXISTS', KEYS[4], KEYS[5]) == 0 then
  if redis.call('SET', KEYS[1], owner, 'NX', 'PX', lease) then
    local token = redis.pcall('INCRBY', KEYS[2], '1')
    if type(token) == 'number' and token >= 1e15 and ARGV[4] ~= '1' then return {1, token} end
    -- Redis rolls nothing back. The key must not stay locked if its counter cannot be raised.
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

-- Whether another owner will hand over at its release, or poll again soon.
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
  -- The waiters in the queue know nothing of this caller yet. From the next time on they poll, and get their turns.
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
      -- The earlier attempts keep the lock that this owner held before, so a roll-back of this attempt does not free it.
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

-- The counters come first, because only the first write of a script can fail without a trace.
for i = 1, #KEYS, stride do
  -- The counter is raised even if the token is known, because the caller takes this for the counter's first use.
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
