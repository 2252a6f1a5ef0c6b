with

chargeholders as (

    select * from {{ ref('int_chargeholders_matched') }}

),

reviewed_names as (

    select * from {{ ref('int_reviewed_names') }}

),

reviewed_prefixes as (

    select * from {{ ref('int_reviewed_prefixes') }}

),

name_phrases as (

    select * from {{ ref('int_name_phrases') }}
    where phrase_rank = 1

),

names as (

    select distinct
        normalised_name,
        {{ first_word('normalised_name') }} as first_word
    from chargeholders
    where normalised_name <> ''

),

by_name as (

    select
        names.normalised_name,
        1 as match_rank,
        'reviewed name' as match_rule,
        names.normalised_name as matched_text,
        reviewed_names.provider,
        reviewed_names.provider_type,
        reviewed_names.certainty
    from names
    inner join reviewed_names
        on names.normalised_name = reviewed_names.normalised_name

),

-- joined on the first word, so that not every name is held against every prefix
by_prefix as (

    select
        names.normalised_name,
        2 as match_rank,
        'provider prefix' as match_rule,
        reviewed_prefixes.name_prefix as matched_text,
        reviewed_prefixes.provider,
        reviewed_prefixes.provider_type,
        'possible' as certainty
    from names
    inner join reviewed_prefixes
        on
            names.first_word = reviewed_prefixes.first_word
            and names.normalised_name || ' ' like reviewed_prefixes.name_prefix || ' %'

),

by_text as (

    select
        normalised_name,
        3 as match_rank,
        'text of particulars' as match_rule,
        phrase as matched_text,
        cast(null as varchar) as provider,
        cast(null as varchar) as provider_type,
        'possible' as certainty
    from name_phrases

),

matches as (

    select * from by_name
    union all
    select * from by_prefix
    union all
    select * from by_text

),

ranked as (

    select
        matches.*,
        rank() over (
            partition by normalised_name
            order by match_rank, length(matched_text) desc
        ) as preference
    from matches

),

final as (

    select
        normalised_name,
        row_number() over (partition by normalised_name order by provider) as candidate_rank,
        count(*) over (partition by normalised_name) as candidates,
        match_rank,
        match_rule,
        matched_text,
        provider,
        provider_type,
        certainty
    from ranked
    where preference = 1

)

select * from final
