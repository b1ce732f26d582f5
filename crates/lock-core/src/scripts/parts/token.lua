-- A number of the slot's counter (16 digits) as text. '%d' alone needs more than the 32 bits that `long` has on some platforms, and '%.0f' costs
-- ten times as much.
local function digits(number) return string.format('%d%08d', number / 1e8, number % 1e8) end

-- Draws the next number of the slot's counter, and `more` after it. A counter below 10^15 was lost with the data, because TIME in microseconds has
-- been above that since 2001. `sync`: the caller has not used the counter on its connection yet, and after a failover the counter may lag behind.
local function next_token(counter, sync, more)
  local token = redis.call('INCRBY', counter, more and 1 + more or '1') - (more or 0)
  if token < 1e15 or sync then
    local now = redis.call('TIME')
    local floor = tonumber(now[1]) * 1000000 + tonumber(now[2])
    if token < floor then
      token = floor
      redis.call('SET', counter, digits(token + (more or 0)))
    end
  end
  return token
end
