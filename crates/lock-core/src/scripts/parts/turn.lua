-- A client that finds a key free only by chance starves. This happens to a poller beside clients that hand over, and to these beside a poller
-- that takes the key again at once. So on a key with a polled mark each side has turns. After its turn it leaves the free key alone for the other
-- side. "Our" callers are those of this package. The mark has two forms:
-- Only our callers poll: '+<side>@<end>@<asked>'. `side` has the turn until `end`: h hands over, p polls. `asked`: when a caller that hands over
-- last found the key held. The mark's expiry tells how long ago a poller found it held. The key is left alone only while the other side asks.
-- Callers of the official package poll: '@<turn>@<rest>@<vain>'. Our turn lasts until `turn`, then the key is left alone until `rest`. `vain`: how
-- often in a row nobody came in a rest. Those callers know nothing of us and leave no trace. If one of them takes the key, our turn and the rest
-- after it end. Each rest in which nobody comes shortens the next one. A rest begins when we last had the key.
-- All times are in ms since 1970 by the server's clock.
local MARK_MS, SUSPICION_MS, SUSPECTED_FOR_MS = 30000, 2000, 10000
local TURN_MS, REST_MS = 60, 1120
local OWN_TURN_MS, HANDING_ASKS_WITHIN_MS, POLLING_ASKS_WITHIN_MS = 200, 100, 1000

local function now_ms()
  local now = redis.call('TIME')
  return tonumber(now[1]) * 1000 + math.floor(tonumber(now[2]) / 1000)
end

local function own_turn(mark)
  if string.byte(mark) ~= 43 then return nil end
  local side, turn, asked = string.match(mark, '^%+([hp])@(%d+)@(%d+)$')
  return side or '', tonumber(turn or 0), tonumber(asked or 0)
end

local function set_own(polled, side, turn, asked)
  redis.pcall('SET', polled, string.format('+%s@%.0f@%.0f', side, turn, asked), 'KEEPTTL')
end

local function others_turn(mark)
  local turn, rest, vain = string.match(mark, '^@(%d+)@(%d+)@(%d)$')
  if turn then return tonumber(turn), tonumber(rest), tonumber(vain) end
end

local function set_others(polled, turn, rest, vain)
  redis.pcall('SET', polled, string.format('@%.0f@%.0f@%.0f', turn, rest, vain), 'KEEPTTL')
end

-- One of our callers had the key until now, or still has it. If our turn is over, the rest begins now. A mark that was written on a mere
-- suspicion lives until the end of the rest, if the job is not too long, and only once.
local function had_by_us(polled, mark)
  local turn, rest, vain = others_turn(mark)
  local now = now_ms()
  if turn and now < turn then return end
  turn, vain = turn or now, vain or 0
  set_others(polled, turn, now + REST_MS / 2 ^ vain, vain)
  if vain == 0 and now < turn + SUSPECTED_FOR_MS and redis.call('PTTL', polled) < SUSPICION_MS then
    redis.call('PEXPIRE', polled, SUSPICION_MS)
  end
end

-- Whether a waiter may take the free lock now. A turn begins with the first caller of its side. `polls`: the caller waits without a queue.
-- `again`: the caller's client had the lock a moment ago.
local function may_take(polled, polls, again)
  local mark = redis.call('GET', polled)
  if not mark then return true end
  local side, own_until, asked = own_turn(mark)
  if side then
    local now, mine = now_ms(), polls and 'p' or 'h'
    if side == mine then
      if now < own_until then return true end
      if polls and now < asked + HANDING_ASKS_WITHIN_MS then return false end
      if not polls and MARK_MS - redis.call('PTTL', polled) < POLLING_ASKS_WITHIN_MS then return false end
    end
    set_own(polled, mine, now + OWN_TURN_MS, asked)
    return true
  end
  if again then
    had_by_us(polled, mark)
    mark = redis.call('GET', polled)
  end
  local turn, rest, vain = others_turn(mark)
  local now = now_ms()
  if turn and now < turn then return true end
  if turn and now < rest then return false end
  vain = turn and math.min(vain + 1, 3) or 0
  turn = now + TURN_MS * 2 ^ vain
  set_others(polled, turn, turn + REST_MS / 2 ^ vain, vain)
  return true
end

-- The lock is held. `over`: its holder hands it over, or polls as our callers do. `polls`: the caller waits without a queue.
local function mark_polled(polled, over, polls)
  if not over then
    redis.pcall('SET', polled, '1', 'PX', MARK_MS)
    return
  end
  local mark = redis.pcall('GET', polled)
  if type(mark) ~= 'string' then
    if polls then redis.pcall('SET', polled, '+', 'NX', 'PX', MARK_MS) end
    return
  end
  local side, turn, asked = own_turn(mark)
  if not side then
    had_by_us(polled, mark)
  elseif polls then
    redis.call('PEXPIRE', polled, MARK_MS)
  else
    set_own(polled, side, turn, now_ms())
  end
end
