-- A number of the slot's counter (16 digits) as text: '%d' alone would need more than the 32 bits of some platforms' long, '%.0f' costs ten times as
-- much.
local function digits(number) return string.format('%d%08d', number / 1e8, number % 1e8) end

-- The next number of the slot's counter, and `more` after it. Below 10^15 the counter was lost with the data; TIME is past it since 2001.
-- `sync`: the caller has not used the counter on its connection yet; after a failover it may lag behind.
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
